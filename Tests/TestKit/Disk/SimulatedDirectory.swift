// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Names and what they stand for, twice: as the program sees them, and as they survive a power cut. What was changed
/// since the last directory sync may each be lost or kept, in any order; only changes of the same name follow one
/// another.
struct SimulatedDirectory {
  /// Number of the inode by name.
  private(set) var cached: [String: Int] = [:]
  private var durable: [String: Int] = [:]
  private var pending: [Change] = []

  private enum Change {
    case link(String, Int)
    case unlink(String)
    /// One step on disk: afterwards there is the one name or the other.
    case rename(String, to: String)

    var names: [String] {
      switch self {
      case .link(let name, _), .unlink(let name): [name]
      case .rename(let name, let newName): [name, newName]
      }
    }

    func apply(to names: inout [String: Int]) {
      switch self {
      case .link(let name, let inode): names[name] = inode
      case .unlink(let name): names[name] = nil
      case .rename(let name, let newName): names[newName] = names.removeValue(forKey: name)
      }
    }
  }

  subscript(name: String) -> Int? { cached[name] }
  var names: [String] { cached.keys.sorted() }
  /// Inodes that some name stands for, now or after a power cut.
  var inodes: Set<Int> {
    let linked = pending.compactMap { if case .link(_, let inode) = $0 { inode } else { nil } }
    return Set(cached.values).union(durable.values).union(linked)
  }

  mutating func link(_ name: String, _ inode: Int) { change(.link(name, inode)) }
  mutating func unlink(_ name: String) { change(.unlink(name)) }
  mutating func rename(_ name: String, to newName: String) { change(.rename(name, to: newName)) }

  private mutating func change(_ change: Change) {
    change.apply(to: &cached)
    pending.append(change)
  }

  mutating func sync() {
    durable = cached
    pending = []
  }

  mutating func crash(using generator: inout SeededGenerator) {
    var lost: Set<String> = []
    for change in pending {
      if change.names.contains(where: lost.contains) || generator.oneIn(2) {
        lost.formUnion(change.names)
      } else {
        change.apply(to: &durable)
      }
    }
    cached = durable
    pending = []
  }
}
