// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// Makes a new spool of everything that can be read of a damaged one: each living message once, with its id, its state
/// and what was replied to it. The old spool is only read, every octet of it, and never changed; a message of which
/// something cannot be read stays behind in it. For the command line, while no daemon has either spool.
package enum SpoolRepair {
  /// `salt` is a random number, `host` the name of this machine. Throws `QueueError.log(.inUse)` if a daemon has one of
  /// the spools, and `.notEmpty` if there is anything in `newPath`. Whatever is thrown, the old spool is as it was, and
  /// what was made of the new one should be removed.
  package static func repair(
    from path: String, to newPath: String, now: Instant, salt: UInt64, host: String
  ) throws(QueueError) -> SpoolRepairReport {
    let disk = try QueueError.wrap { () throws(LogError) in try PosixDisk(reading: path) }
    let newDisk = try QueueError.wrap { () throws(LogError) in try PosixDisk(path: newPath) }
    return try repair(from: disk, to: newDisk, named: newPath, now: now, salt: salt, host: host)
  }

  /// The same on any disks.
  package static func repair(
    from disk: any Disk, to newDisk: any Disk, named newPath: String, now: Instant, salt: UInt64, host: String
  ) throws(QueueError) -> SpoolRepairReport {
    guard try QueueError.wrap({ () throws(LogError) in try newDisk.list() }).isEmpty else {
      throw .notEmpty(newPath)
    }
    let source = try QueueError.wrap { () throws(LogError) in try SpoolSource(disk, now: now) }
    let (target, _) = try MessageQueue.open(
      disk: newDisk, policy: QueuePolicy(), now: now, salt: salt, host: host, ready: {})
    var transfer = SpoolTransfer(from: source, to: target)
    var report = SpoolRepairReport(recovery: source.report)
    for number in source.numbers {
      let id = MessageID(number: number)
      if try transfer.take(number, as: id, from: 0) { report.kept.append(id) } else { report.lost.append(id) }
    }
    try transfer.settle()
    // What damage names and nothing else knows of was a message, or had been one.
    let known = Set(report.kept + report.lost)
    report.doubtful = Set(source.report.damages.compactMap(\.message)).subtracting(known).sorted {
      $0.number < $1.number
    }
    try source.expectUnchanged(disk)
    return report
  }
}

/// What became of a spool that was repaired.
package struct SpoolRepairReport: Sendable {
  /// What was found in the old spool.
  package var recovery: RecoveryReport
  /// In the new spool.
  package var kept: [MessageID] = []
  /// Known, but something of them cannot be read: they are in the old spool only.
  package var lost: [MessageID] = []
  /// Named by damaged records, which may have been those of their acceptance or of their end.
  package var doubtful: [MessageID] = []
}
