// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What one call of `step` did.
package enum StepResult: Sendable, Equatable {
  case idle
  /// Written, but not synced yet: only changes for which nobody waits.
  case lingering
  case synced
  /// The disk fails. What is owed is held in memory; step again after a rest.
  case owing
}

/// The append-only, segmented log. Any thread appends; one thread at a time steps: it writes what was appended, makes
/// it durable with one fdatasync, and only then tells the owner. A segment file whose write or sync
/// failed is never touched again.
///
/// The log knows nothing of what its records mean; it never reads a clock, and never waits while it holds a lock that
/// `append` needs.
package final class WriteAheadLog: Sendable {
  private let open: Mutex<OpenBatches>
  private let tail: Mutex<LogTail>
  private let owner: any LogOwner
  private let files: SegmentFiles
  /// A copy, because the tail is locked while the disk works.
  private let lastCondition = Mutex(LogCondition())
  /// As of the last step, so that nobody who asks waits for the disk.
  private let lastUse: Mutex<LogUse>
  let wakeup = Wakeup()
  /// Grows when a step begins and when it ends, so it is odd while one is under way.
  private let steps = Atomic<UInt64>(0)

  /// Goes on behind what `LogRecovery` found. `salt` is a random number, different at every start; `mark` is the
  /// highest number of a message that the owner found in the records; `host` the name of this machine.
  package init(
    disk: any Disk, recovered: RecoveredLog, salt: UInt64, mark: UInt64? = nil, host: String,
    segmentOctets: Int = LogLimits.segmentOctets, owner: any LogOwner
  ) {
    self.owner = owner
    open = Mutex(OpenBatches(mark: mark ?? recovered.mark))
    let tail = LogTail(disk: disk, recovered: recovered, salt: salt, host: host, segmentOctets: segmentOctets)
    lastUse = Mutex(tail.use)
    self.tail = Mutex(tail)
    files = SegmentFiles(disk: disk)
  }

  /// Adds a record to the open batch; makes no system call. Callers that need an order among their records hold their
  /// own lock around the call. `indexed` of the first octets of the head are what recovery needs to see of the record;
  /// `mark` is the number of the message that the record introduces, or 0.
  package func append(
    type: UInt8, head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, checksum: UInt32, indexed: Int,
    fate: RecordFate, ticket: UInt64, mark: UInt64 = 0
  ) {
    precondition(indexed <= head.count)
    open.withLock { open in
      open.append(
        type: type, head: head, body: body, checksum: checksum, indexed: indexed, fate: fate, ticket: ticket,
        mark: mark)
    }
  }

  private func append(_ record: OwnRecord) {
    record.payload.withUnsafeBytes { payload in
      append(
        type: record.type, head: payload, body: UnsafeRawBufferPointer(start: nil, count: 0),
        checksum: Checksum.crc32c(payload), indexed: payload.count, fate: .restated, ticket: record.ticket)
    }
  }

  /// Tells the writer thread that there is something to do. May make a system call, so not under a lock.
  package func wake() {
    wakeup.signal()
  }

  package var hasOpenBatch: Bool {
    open.withLock { !$0.isEmpty }
  }

  /// How far the writer has come, and whether there is something that it must come on with. If the first stays the same
  /// and the second true, the disk does not answer.
  package var writerProgress: (steps: UInt64, hasWork: Bool) {
    let steps = steps.load(ordering: .relaxed)
    return (steps, steps % 2 == 1 || hasOpenBatch)
  }

  /// Writes one batch and makes it durable. With `mayLinger`, a batch for which nobody waits is written now and synced
  /// together with a later one.
  @discardableResult
  package func step(mayLinger: Bool = false) -> StepResult {
    steps.add(1, ordering: .relaxed)
    defer { steps.add(1, ordering: .relaxed) }
    var batch: Batch?
    let (mark, isLast) = open.withLock { open in
      batch = open.take()
      return (open.mark, open.isEmpty)
    }
    var settlements: [Settlement] = []
    let result = tail.withLock { tail in
      defer { noteCondition(tail.condition) }
      return tail.commit(&batch, mark: mark, mayLinger: mayLinger && isLast, settlements: &settlements)
    }
    if batch != nil {
      open.withLock { open in
        // Taken, so that its buffer has one owner and need not be copied to be emptied.
        if let spent = batch.take() { open.recycle(spent) }
      }
    }
    if !settlements.isEmpty {
      let needed = owner.settle(settlements)
      let damaged = owner.damagedSegments
      let (removed, use) = tail.withLock { tail in (tail.retire(below: needed, puttingAside: damaged), tail.use) }
      if !removed.isEmpty { files.close(removed) }
      lastUse.withLock { $0 = use }
      for record in owner.stepped(use) { append(record) }
    }
    return result
  }

  var hasLargeSpares: Bool { open.withLock { $0.hasLargeSpares } }

  /// Gives memory back that only a crowd of large messages needs.
  func dropLargeSpares() { open.withLock { $0.dropLargeSpares() } }

  /// As of the last step; for any thread, and never waits for the disk.
  package var condition: LogCondition { lastCondition.withLock { $0 } }

  private func noteCondition(_ new: LogCondition) {
    lastCondition.withLock { if $0 != new { $0 = new } }
  }

  /// The payload of a durable record, its checksum verified. nil if `mayBlock` is false and it is not in memory.
  package func read(_ extent: Extent, mayBlock: Bool) throws(LogError) -> [UInt8]? {
    // What a record of somebody else's making claims is not worth gigabytes of memory.
    guard extent.octets <= LogLimits.payloadOctetsMax else {
      throw .damaged(name: SegmentName.text(extent.segment), offset: Int(extent.offset))
    }
    guard let file = try files.file(extent.segment, mayBlock: mayBlock) else { return nil }
    let offset = Int(extent.offset) + RecordHeader.octets
    guard let payload = try file.octets(Int(extent.octets), at: offset, mayBlock: mayBlock) else { return nil }
    let isIntact = Checksum.crc32c(payload) == extent.checksum || SeededFault.readChecksumIgnored
    guard payload.count == Int(extent.octets), isIntact else {
      throw .damaged(name: SegmentName.text(extent.segment), offset: Int(extent.offset))
    }
    return payload
  }

  /// The payload of the durable record that begins at `position`, with its type; header and payload verified.
  package func read(_ position: Position) throws(LogError) -> (type: UInt8, payload: [UInt8]) {
    let damage = LogError.damaged(name: SegmentName.text(position.segment), offset: Int(position.offset))
    guard let file = try files.file(position.segment, mayBlock: true),
      let octets = try file.octets(RecordHeader.octets, at: Int(position.offset), mayBlock: true),
      let header = octets.withUnsafeBytes({ RecordHeader.load($0, offset: Int(position.offset)) })
    else { throw damage }
    let extent = Extent(
      segment: position.segment, offset: position.offset, octets: header.payloadOctets,
      checksum: header.payloadChecksum)
    guard let payload = try read(extent, mayBlock: true) else { throw damage }
    return (header.type, payload)
  }

  package var use: LogUse { lastUse.withLock { $0 } }

  /// Numbers of the segments on disk.
  package var segments: [UInt32] {
    tail.withLock { $0.segments }
  }
}

extension DiskFile {
  /// `count` octets, or fewer at the end of the file. nil as `read`.
  fileprivate func octets(_ count: Int, at offset: Int, mayBlock: Bool) throws(LogError) -> [UInt8]? {
    var octets = [UInt8](repeating: 0, count: count)
    var result: Result<Int?, LogError> = .success(nil)
    octets.withUnsafeMutableBytes { buffer in
      do throws(LogError) {
        result = .success(try readAll(into: buffer, at: offset, mayBlock: mayBlock))
      } catch {
        result = .failure(error)
      }
    }
    guard let done = try result.get() else { return nil }
    octets.removeLast(count - done)
    return octets
  }
}
