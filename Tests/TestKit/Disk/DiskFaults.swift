// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Which calls of a simulated disk fail: by count, as a test says, or by chance while the weather lasts.
struct DiskFaults {
  private var counts: [Int] = Array(repeating: 0, count: SimulatedDisk.Operation.allCases.count)
  private(set) var total = 0
  private var planned: [(operation: SimulatedDisk.Operation?, range: Range<Int>, fault: SimulatedDisk.Fault)] = []
  var weather = SimulatedDisk.Weather()
  /// Kinds of all calls, if somebody wants to know.
  var recorded: [SimulatedDisk.Operation]?
  private(set) var failedReads = 0

  func count(_ operation: SimulatedDisk.Operation?) -> Int {
    operation.map { counts[$0.rawValue] } ?? total
  }

  mutating func plan(_ operation: SimulatedDisk.Operation?, nth: Int, count: Int, _ fault: SimulatedDisk.Fault) {
    let start = self.count(operation) + nth
    planned.append((operation, start..<(count == .max ? .max : start + count), fault))
  }

  mutating func heal() {
    planned = []
    weather = SimulatedDisk.Weather()
  }

  /// Counts a call, and says what becomes of it.
  mutating func next(
    _ operation: SimulatedDisk.Operation, using generator: inout SeededGenerator
  ) -> SimulatedDisk.Fault? {
    counts[operation.rawValue] += 1
    total += 1
    recorded?.append(operation)
    let fault = planned.first { fault in
      fault.range.contains(
        fault.operation == nil ? total : fault.operation == operation ? counts[operation.rawValue] : 0)
    }
    if let fault {
      if operation == .read { failedReads += 1 }
      return fault.fault
    }
    return weather.isFair ? nil : weather.fault(operation, using: &generator)
  }
}

extension SimulatedDisk {
  package enum Operation: Int, Sendable, Hashable, CaseIterable {
    case create, write, sync, read, remove, rename, syncDirectory, open, list
    /// The room of a new file, which has its name already.
    case allocate
    /// Free octets and free inodes.
    case measure
  }

  /// What happens to an operation that is told to fail.
  package enum Fault: Sendable, Hashable {
    case error(Int32)
    /// A write or read that takes only a part, without an error.
    case short
  }

  /// What cached pages hold after a failed fdatasync, which marks them clean everywhere. A later sync does not write
  /// them, so a power cut may take what a read still showed.
  package enum FailedSync: Sendable, CaseIterable {
    /// What was written stays readable: ext4, XFS.
    case kept
    /// What the platter has is read again: Btrfs.
    case reverted
    /// Either, for each sector, and pages that were kept may go when the process ends.
    case unknown
    /// They hold what was written, and so does the platter: only the answer was bad, perhaps for another file's sake.
    case arrived
  }

  /// How often calls fail, in a thousand.
  package struct Weather: Sendable, Equatable {
    package var failing: [Operation: Int] = [:]
    package var code: Int32 = EIO
    /// Reads and writes that stop before their end.
    package var short = 0
    /// Reads and writes that a signal interrupts.
    package var interrupted = 0

    package init() {}

    package var isFair: Bool { failing.isEmpty && short == 0 && interrupted == 0 }

    fileprivate func fault(_ operation: Operation, using generator: inout SeededGenerator) -> Fault? {
      if let rate = failing[operation], Int.random(in: 0..<1000, using: &generator) < rate { return .error(code) }
      guard operation == .read || operation == .write else { return nil }
      let roll = Int.random(in: 0..<1000, using: &generator)
      return roll < short ? .short : roll < short + interrupted ? .error(EINTR) : nil
    }
  }
}

extension SimulatedDisk.Weather: CustomStringConvertible {
  /// The same in every process.
  package var description: String {
    let rates = failing.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key) \($0.value)" }
    return "of 1000 calls fail: \(rates.joined(separator: ", ")) (error \(code)); \(short) are short, "
      + "\(interrupted) are interrupted"
  }
}
