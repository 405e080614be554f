// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Of which messages somebody is to be told, in the order in which that became so, and which of them a notifier has
/// now. Kept beside the fold: after a restart it is found again.
struct NoticeBoard: Sendable {
  private var waiting = Heap<Turn>()
  private var lastTurn: UInt64 = 0
  private var listed: Set<Key> = []
  private var given: [UInt64: Given] = [:]
  /// Given, or in a notification that is not durable yet.
  private var busy: Set<Key> = []
  private var lastNumber: UInt64 = 0

  struct Key: Hashable, Sendable {
    var message: UInt64
    var kind: Notice.Kind
  }

  struct Given: Sendable {
    var report: NoticeReport
    /// Segments that the notifier may still read.
    var pins: [UInt32]

    var key: Key { Key(message: report.id.number, kind: report.kind) }
  }

  private struct Turn: Comparable, Sendable {
    var turn: UInt64
    var key: Key

    static func < (left: Turn, right: Turn) -> Bool { left.turn < right.turn }
  }

  var isEmpty: Bool { waiting.isEmpty }

  /// False if it is known already.
  mutating func offer(_ message: UInt64, _ kind: Notice.Kind) -> Bool {
    let key = Key(message: message, kind: kind)
    guard !busy.contains(key), listed.insert(key).inserted else { return false }
    lastTurn += 1
    waiting.insert(Turn(turn: lastTurn, key: key))
    return true
  }

  /// Perhaps of a message that is gone or of which nothing is to be told any more: the taker checks.
  mutating func takeNext() -> Key? {
    guard let turn = waiting.popFirst() else { return nil }
    listed.remove(turn.key)
    return turn.key
  }

  mutating func give(_ given: Given) -> UInt64 {
    lastNumber += 1
    self.given[lastNumber] = given
    busy.insert(given.key)
    return lastNumber
  }

  /// The notifier has decided: its notice is no longer to be given back. `end` follows.
  mutating func claim(_ number: UInt64) -> Given? { given.removeValue(forKey: number) }

  /// Somebody is telling of this message.
  func isBusy(_ message: UInt64) -> Bool {
    Notice.Kind.allCases.contains { busy.contains(Key(message: message, kind: $0)) }
  }

  mutating func end(_ given: Given) { busy.remove(given.key) }
}
