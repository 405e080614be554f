// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The end of the log: the segment being written, the sync under way, and what failed syncs left to do. Only the
/// thread that steps the log uses it.
struct LogTail {
  private let segmentOctets: Int
  private let reserveOctets: Int

  private var files: LogSegments
  private var nextSync: UInt64
  private var nextSequence: UInt64
  private var lastDurableSync: UInt64
  private var current: Segment?
  private var sync: Sync?
  private var debts: Debts
  private var trouble = LogCondition()

  /// The file that takes records now.
  private struct Segment {
    let number: UInt32
    let file: any DiskFile
    let magic: UInt32
    let salt: UInt64
    /// Behind the last record.
    var end: Int
    /// nil if its room was needed for records.
    var index: IndexWriter?

    /// Octets that the index needs behind this batch.
    func indexRoom(for batch: Batch) -> Int { index?.room(for: batch) ?? 0 }
  }

  /// Records that are written and that the next fdatasync makes durable. They have one sync number and stand one
  /// behind the other, however many writes brought them.
  private struct Sync {
    let number: UInt64
    let start: Int
    let firstSequence: UInt64
    var written: [Placed] = []
    /// Again what must be written once more if the sync fails.
    var changes = Batch()
    var hasOnlyChanges = true
  }

  private struct Placed {
    let ticket: UInt64
    let fate: RecordFate
    let extent: Extent
  }

  /// What must be made durable before anything new: nobody hears of a failed sync before its void is durable.
  private struct Debts {
    var voids: [VoidRegion] = []
    var changes = Batch()
    var refused: [Settlement] = []

    var isEmpty: Bool { voids.isEmpty && changes.isEmpty && refused.isEmpty }
  }

  init(disk: any Disk, recovered: RecoveredLog, salt: UInt64, host: String, segmentOctets: Int) {
    self.segmentOctets = min(segmentOctets, LogLimits.segmentOctetsMax)
    // Small segments, as tests use them, keep most of their room for mail.
    reserveOctets = min(LogLimits.reserveOctets, segmentOctets / 16)
    files = LogSegments(disk: disk, recovered: recovered, salt: salt, host: host)
    nextSync = recovered.nextSync
    nextSequence = recovered.nextSequence
    lastDurableSync = recovered.lastDurableSync
    debts = Debts(voids: recovered.voids)
  }

  var condition: LogCondition {
    var condition = trouble
    condition.isOwing = !debts.isEmpty
    return condition
  }

  // MARK: - One step

  /// Leaves the batch with its buffer, which may be used again.
  mutating func commit(
    _ batch: inout Batch?, mark: UInt64, mayLinger: Bool, settlements: inout [Settlement]
  ) -> StepResult {
    if !debts.voids.isEmpty {
      do throws(LogError) {
        try payDebts(mark: mark, settlements: &settlements)
      } catch {
        if let batch { refuse(batch, because: error, settlements: &settlements) } else { note(error) }
        return .owing
      }
      if batch == nil { return .synced }
    }
    if !debts.changes.isEmpty {
      var merged = debts.changes
      debts.changes = Batch()
      if let batch { merged.append(batch) }
      batch = merged
    }
    if batch == nil { return finishSync(mark: mark, settlements: &settlements) }
    do throws(LogError) {
      try makeRoom(for: batch!, mark: mark, settlements: &settlements)
    } catch {
      // Nothing of the batch is on disk, so there is nothing to void.
      refuse(batch!, because: error, settlements: &settlements)
      return useReserve(mark: mark, settlements: &settlements)
    }
    do throws(LogError) {
      try write(&batch!)
    } catch {
      if SeededFault.failedWriteNotVoided { refuse(batch!, because: error, settlements: &settlements) }
      return fail(error, mark: mark, settlements: &settlements)
    }
    if mayLinger, sync?.hasOnlyChanges == true { return .lingering }
    return finishSync(mark: mark, settlements: &settlements)
  }

  /// Refuses what can be refused; what cannot is owed. None of it has been written.
  private mutating func refuse(_ batch: Batch, because error: LogError, settlements: inout [Settlement]) {
    // While earlier failures are undecided nothing is promised to anyone.
    let failure: StorageFailure = trouble.isFailing ? .undecided : error.isFull ? .full : .refused
    note(error)
    for entry in batch.entries where entry.fate == .voided {
      settlements.append(Settlement(ticket: entry.ticket, result: .failed(failure)))
    }
    debts.changes.append(changesOf: batch)
  }

  /// With no fresh segment to be had, changes still go into the reserve of the current one.
  private mutating func useReserve(mark: UInt64, settlements: inout [Settlement]) -> StepResult {
    guard debts.voids.isEmpty else { return .owing }
    guard !debts.changes.isEmpty else { return finishSync(mark: mark, settlements: &settlements) }
    var changes = debts.changes
    if current.map({ beginning(in: $0) + changes.image.count > $0.file.octets }) ?? true {
      guard sync == nil, let next = try? openSegment(for: changes, mark: mark, mayBeSmall: true) else { return .owing }
      seal()
      current = next
    }
    // The index gives way: the segment will be read as a whole.
    if !hasRoom(for: changes, besides: 0) { self.current!.index = nil }
    debts.changes = Batch()
    do throws(LogError) {
      try write(&changes)
    } catch {
      return fail(error, mark: mark, settlements: &settlements)
    }
    return finishSync(mark: mark, settlements: &settlements)
  }

  // MARK: - Writing

  /// Where the batch would begin: behind the sync under way, or on a new block.
  private func beginning(in segment: Segment) -> Int {
    sync == nil ? segment.end.rounded(upTo: SegmentHeader.blockOctets) : segment.end
  }

  private func hasRoom(for batch: Batch, besides reserve: Int) -> Bool {
    guard let current else { return false }
    let needed = batch.image.count + current.indexRoom(for: batch) + reserve
    return beginning(in: current) + needed <= current.file.octets
  }

  /// Throws if there is no segment to write to; then nothing of the batch has been written.
  private mutating func makeRoom(for batch: Batch, mark: UInt64, settlements: inout [Settlement]) throws(LogError) {
    let reserve = batch.hasOnlyChanges ? 0 : reserveOctets
    if hasRoom(for: batch, besides: reserve) { return }
    // A sync stays in one segment.
    if sync != nil, finishSync(mark: mark, settlements: &settlements) == .owing {
      throw LogError.disk(attempt: "sync", name: "the log", code: LogError.ioError)
    }
    if hasRoom(for: batch, besides: reserve) { return }
    let next = try openSegment(for: batch, mark: mark, mayBeSmall: false)
    trouble.refusal = nil
    // Not before: with no room for another segment, changes still go into this one.
    seal()
    current = next
  }

  private mutating func write(_ batch: inout Batch) throws(LogError) {
    guard let segment = current else { return }
    let offset = beginning(in: segment)
    var sync = self.sync ?? Sync(number: nextSync, start: offset, firstSequence: nextSequence)
    current!.index?.gather(&batch, at: offset)
    batch.stamp(
      magic: segment.magic, offset: offset, sync: sync.number, firstSequence: nextSequence,
      firstIndex: UInt32(sync.written.count))
    for entry in batch.entries {
      let header = batch.header(of: entry)
      let extent = Extent(
        segment: segment.number, offset: UInt32(offset + entry.start), octets: header.payloadOctets,
        checksum: header.payloadChecksum)
      sync.written.append(Placed(ticket: entry.ticket, fate: entry.fate, extent: extent))
    }
    sync.changes.append(changesOf: batch)
    if !batch.hasOnlyChanges { sync.hasOnlyChanges = false }
    nextSequence += UInt64(batch.entries.count)
    current!.end = offset + batch.image.count
    self.sync = sync
    var failure: LogError?
    batch.image.withUnsafeBytes { octets in
      do throws(LogError) {
        try segment.file.writeAll(octets, at: offset, name: SegmentName.text(segment.number))
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  private mutating func finishSync(mark: UInt64, settlements: inout [Settlement]) -> StepResult {
    guard let segment = current, let sync else { return settlements.isEmpty ? .idle : .synced }
    do throws(LogError) {
      if SeededFault.answeredBeforeSync { succeed(sync, settlements: &settlements) }
      if !SeededFault.syncSkipped { try segment.file.sync() }
      if SeededFault.answeredBeforeSync { return .synced }
    } catch {
      if SeededFault.syncRetried, (try? segment.file.sync()) != nil {
        succeed(sync, settlements: &settlements)
        return .synced
      }
      return fail(error, mark: mark, settlements: &settlements)
    }
    succeed(sync, settlements: &settlements)
    return .synced
  }

  private mutating func succeed(_ sync: Sync, settlements: inout [Settlement]) {
    for placed in sync.written where placed.ticket != 0 {
      settlements.append(Settlement(ticket: placed.ticket, result: .durable(placed.extent)))
    }
    lastDurableSync = sync.number
    nextSync = sync.number + 1
    self.sync = nil
    // Outcomes in the reserve say nothing of room for mail.
    if !sync.hasOnlyChanges { trouble.refusal = nil }
  }

  // MARK: - Failure

  private mutating func note(_ error: LogError) {
    trouble.refusal = error
    if error.isFull { trouble.fullCount += 1 }
  }

  /// The sync under way failed: gives up its file, and tries fresh ones until its void is durable.
  private mutating func fail(_ error: LogError, mark: UInt64, settlements: inout [Settlement]) -> StepResult {
    owe(error)
    if SeededFault.voidAfterReply { (settlements, debts.refused) = (settlements + debts.refused, []) }
    for _ in 0..<LogLimits.freshSegmentsMax {
      do throws(LogError) {
        try payDebts(mark: mark, settlements: &settlements)
        return .synced
      } catch {
        note(error)
        continue
      }
    }
    trouble.isFailing = true
    for refused in debts.refused {
      settlements.append(Settlement(ticket: refused.ticket, result: .failed(.undecided)))
    }
    debts.refused = []
    return .owing
  }

  /// Takes the sync under way apart into what must be voided, written again, and refused.
  private mutating func owe(_ error: LogError) {
    guard let segment = current, let sync else { return }
    note(error)
    trouble.givenUpCount += 1
    trouble.lastGivenUp = LogCondition.GivenUp(segment: segment.number, error: error)
    debts.voids.append(VoidRegion(segment: segment.number, start: UInt32(sync.start), sync: sync.number))
    if !SeededFault.changesNotRestated { debts.changes.append(sync.changes) }
    for placed in sync.written where placed.fate == .voided {
      debts.refused.append(Settlement(ticket: placed.ticket, result: .failed(error.isFull ? .full : .refused)))
    }
    // Void records have no place in the sequence; the next ones get their numbers.
    nextSequence = sync.firstSequence
    nextSync = sync.number + 1
    self.sync = nil
    if !SeededFault.failedSegmentUsedAgain { current = nil }
  }

  /// Tries one fresh segment: voids first, then the changes, in one sync.
  private mutating func payDebts(mark: UInt64, settlements: inout [Settlement]) throws(LogError) {
    // Each void is written twice: one bad sector must not bring back a message that was refused.
    var batch = Batch()
    let copies = SeededFault.voidNotWritten ? [] : SeededFault.voidOnce ? debts.voids : debts.voids + debts.voids
    for region in copies { batch.append(region) }
    batch.append(debts.changes)
    let owed = debts
    if !SeededFault.failedSegmentUsedAgain || current == nil {
      current = try openSegment(for: batch, mark: mark, mayBeSmall: true)
    }
    do throws(LogError) {
      try write(&batch)
      try current?.file.sync()
    } catch {
      owe(error)
      // One void more is owed; the changes and refusals of this attempt are those that were owed before.
      debts.changes = owed.changes
      debts.refused = owed.refused
      throw error
    }
    debts = Debts()
    trouble.isFailing = false
    // A small segment is no room for mail.
    if current!.file.octets >= segmentOctets { trouble.refusal = nil }
    if let sync { succeed(sync, settlements: &settlements) }
    settlements.append(contentsOf: owed.refused)
  }

  // MARK: - Segments

  /// With no room for a whole segment, changes get a small one: they are what makes room again.
  private mutating func openSegment(
    for batch: Batch, mark: UInt64, mayBeSmall: Bool
  ) throws(LogError) -> Segment {
    let index = IndexWriter(segmentOctets: segmentOctets)
    let room = SegmentHeader.blockOctets + batch.image.count + index.room(for: batch)
    do throws(LogError) {
      return try openSegment(octets: max(segmentOctets, room + reserveOctets), index, mark: mark)
    } catch {
      guard error.isFull, mayBeSmall else { throw error }
    }
    do throws(LogError) {
      return try openSegment(octets: room + reserveOctets, index, mark: mark)
    } catch {
      guard error.isFull else { throw error }
      return try openSegment(octets: room, index, mark: mark)
    }
  }

  private mutating func openSegment(octets: Int, _ index: IndexWriter, mark: UInt64) throws(LogError) -> Segment {
    let (header, file) = try files.make(
      octets: octets,
      LogSegments.Beginning(sequence: nextSequence, sync: nextSync, lastDurableSync: lastDurableSync, mark: mark))
    return Segment(
      number: header.number, file: file, magic: header.magic, salt: header.salt, end: SegmentHeader.blockOctets,
      index: index)
  }

  /// Ends the index of a segment that is left in good order. Nobody depends on it: if it fails, recovery reads the whole
  /// segment.
  private func seal() {
    guard let current, let index = current.index, sync == nil, current.end > SegmentHeader.blockOctets else { return }
    let octets = index.end(
      fileOctets: current.file.octets, salt: current.salt, nextSequence: nextSequence, lastSync: lastDurableSync,
      end: current.end)
    octets.withUnsafeBytes { octets in
      do throws(LogError) {
        try current.file.writeAll(
          octets, at: current.file.octets - octets.count, name: SegmentName.text(current.number))
        try current.file.sync()
      } catch {}
    }
  }

  mutating func retire(below needed: UInt32, puttingAside damaged: Set<UInt32>) -> [UInt32] {
    files.retire(below: needed, current: current?.number, puttingAside: damaged)
  }

  /// Numbers of all segments on disk, ascending.
  var segments: [UInt32] { files.numbers }

  var use: LogUse { files.use(current: current?.number) }
}
