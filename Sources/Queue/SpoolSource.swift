// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// A spool whose living messages are read, one after the other, to be written into another one. It is never changed.
struct SpoolSource {
  let recovered: RecoveredLog
  let report: RecoveryReport
  /// Reads only: nothing is ever appended to its log, and nobody steps it.
  private let queue: MessageQueue
  private let now: Instant
  private let path: String

  /// Reads every octet. Throws `LogError.inUse` while a daemon has the spool.
  init(_ disk: any Disk, now: Instant) throws(LogError) {
    path = (disk as? PosixDisk)?.path ?? "the old spool"
    try disk.lock()
    var recovery = QueueRecovery(policy: QueuePolicy())
    recovered = try LogRecovery.verify(disk: disk) { type, extent, payload, _ in
      recovery.visit(type, extent, payload)
    }
    let (books, report) = recovery.finish(recovered, now: now)
    let core = QueueCore(books: books, ready: {}, noticesDue: {}, compactionDue: {})
    let log = WriteAheadLog(disk: disk, recovered: recovered, salt: 1, host: "", owner: core)
    queue = MessageQueue(log: log, core: core, disk: disk)
    self.report = report
    self.now = now
  }

  /// Numbers of all messages, ascending.
  var numbers: [UInt64] {
    queue.core.books.withLock { books in
      books.state.order.page(after: 0, limit: .max).filter { books.state.messages.contains($0) }
    }
  }

  var lastNumber: UInt64 { queue.core.books.withLock { $0.state.lastNumber } }

  var standstillTotal: Int64 { queue.core.books.withLock { $0.state.standstill } }

  /// Throws if a daemon has the spool now, or has had it since it was read: it has at least begun a segment.
  func expectUnchanged(_ disk: any Disk) throws(QueueError) {
    let files = try QueueError.wrap { () throws(LogError) in try disk.list().compactMap(SegmentName.number).sorted() }
    guard files == recovered.files else { throw .log(.changed(directory: path)) }
  }

  /// A message as it stands; its chunks are still to be read. nil if something of it cannot be read.
  func message(_ number: UInt64) throws(LogError) -> (moved: MovedMessage, content: [UInt8])? {
    let found = queue.core.books.withLock { books in
      (books.state.snapshot(number), books.clock.lastTime, books.state.standstill)
    }
    guard let snapshot = found.0, !snapshot.message.isQuarantined else { return nil }
    guard let payload = try read(snapshot.message.accepted),
      var acceptance = payload.withUnsafeBytes({ EventRecord.acceptance($0) })
    else { return nil }
    acceptance.report = nil
    var replies: [Int: LastOutcome] = [:]
    var outcomes = OutcomeReader(log: queue.log)
    for index in 0..<snapshot.message.recipients.count {
      let position = snapshot.message.recipients[index].reply
      guard position != .unknown else { continue }
      do throws(LogError) {
        replies[index] = try outcomes.outcome(of: index, at: position)
      } catch {
        // The message is worth more than what was last said of it.
        guard case .damaged = error else { throw error }
      }
    }
    let moved = snapshot.moved(
      acceptance, replies: replies, standstillTotal: found.2, time: found.1, wall: now.wall)
    return (moved, Array(payload.suffix(acceptance.prefixOctets + acceptance.lastOctets)))
  }

  /// nil if it is not what was written.
  func read(_ extent: Extent) throws(LogError) -> [UInt8]? {
    do throws(LogError) {
      return try queue.log.read(extent, mayBlock: true)
    } catch {
      if case .damaged = error { return nil }
      throw error
    }
  }
}
