// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// Looks at a spool that no daemon holds: reads every octet of it, judges it as a start of the daemon would, and
/// changes nothing. It does not hold the lock meanwhile, so that it never keeps a daemon from starting; if one has
/// come, what was read is not worth telling and an error says so.
package enum SpoolInspection {
  /// Throws `LogError.inUse` while a daemon has the spool.
  package static func verify(path: String) throws(QueueError) -> SpoolReport {
    try dump(path: path) { _ in }
  }

  /// The same, and shows each intact record in the order of the log.
  package static func dump(path: String, each: (DumpedRecord) -> Void) throws(QueueError) -> SpoolReport {
    do throws(LogError) {
      return try inspect(try PosixDisk(reading: path), each)
    } catch {
      throw .log(error)
    }
  }

  private static func inspect(_ disk: PosixDisk, _ each: (DumpedRecord) -> Void) throws(LogError) -> SpoolReport {
    try disk.lock()
    var recovery = QueueRecovery(policy: QueuePolicy())
    let log = try LogRecovery.verify(disk: disk) { type, extent, payload, _ in
      recovery.visit(type, extent, payload)
      each(DumpedRecord(type, extent, payload))
    }
    let lastChange = recovery.lastWall
    var (books, report) = recovery.finish(log, now: Instant(wall: lastChange ?? 0, monotonic: 0))
    try disk.lock()
    // A daemon that has come and gone again has at least begun a segment.
    guard try disk.list().compactMap(SegmentName.number).sorted() == log.files else {
      throw .changed(directory: disk.path)
    }
    return SpoolReport(recovery: report, summary: books.state.summary(), lastChange: lastChange)
  }
}

/// What a spool holds, and what is wrong with it.
package struct SpoolReport: Sendable {
  package var recovery: RecoveryReport
  /// As of the last record.
  package var summary: QueueSummary
  /// When that was written, milliseconds since 1970; nil for an empty spool.
  package var lastChange: Int64?

  /// Every octet that was durable is what was written. A torn end is no damage: nobody was told of it.
  package var isSound: Bool { recovery.damages.isEmpty }
}
