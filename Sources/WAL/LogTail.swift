// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The end of the log: the segment being written, the sync under way, and what failed syncs left to do. Only the
/// thread that steps the log uses it.
struct LogTail {
  private let disk: any Disk
  private let salt: UInt64
  private let segmentOctets: Int
  private let reserveOctets: Int

  /// Numbers of all segments on disk, ascending.
  private(set) var segments: [UInt32]
  private var nextSegment: UInt32
  private var nextSync: UInt64
  private var nextSequence: UInt64
  private var lastDurableSync: UInt64
  private var current: Segment?
  private var sync: Sync?
  private var debts: Debts
  /// Three fresh segments failed in a row and none has succeeded since.
  private var isFailing = false

  /// The file that takes records now.
  private struct Segment {
    let number: UInt32
    let file: any DiskFile
    let magic: UInt32
    /// Behind the last record.
    var end: Int
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

  init(disk: any Disk, recovered: RecoveredLog, salt: UInt64, segmentOctets: Int) {
    self.disk = disk
    self.salt = salt
    self.segmentOctets = min(segmentOctets, LogLimits.segmentOctetsMax)
    // Small segments, as tests use them, keep most of their room for mail.
    reserveOctets = min(LogLimits.reserveOctets, segmentOctets / 16)
    segments = recovered.segments
    nextSegment = recovered.nextSegment
    nextSync = recovered.nextSync
    nextSequence = recovered.nextSequence
    lastDurableSync = recovered.lastDurableSync
    debts = Debts(voids: recovered.voids)
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
        if let batch { refuse(batch, because: error, settlements: &settlements) }
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
      return fail(error, mark: mark, settlements: &settlements)
    }
    if mayLinger, sync?.hasOnlyChanges == true { return .lingering }
    return finishSync(mark: mark, settlements: &settlements)
  }

  /// Refuses what can be refused; what cannot is owed. None of it has been written.
  private mutating func refuse(_ batch: Batch, because error: LogError, settlements: inout [Settlement]) {
    // While earlier failures are undecided nothing is promised to anyone.
    let failure: StorageFailure = isFailing ? .undecided : error.isFull ? .full : .refused
    for entry in batch.entries where entry.fate == .voided {
      settlements.append(Settlement(ticket: entry.ticket, result: .failed(failure)))
    }
    debts.changes.append(changesOf: batch)
  }

  /// With no fresh segment to be had, changes still go into the reserve of the current one.
  private mutating func useReserve(mark: UInt64, settlements: inout [Settlement]) -> StepResult {
    guard debts.voids.isEmpty else { return .owing }
    guard !debts.changes.isEmpty else { return finishSync(mark: mark, settlements: &settlements) }
    guard let current, beginning(in: current) + debts.changes.image.count <= current.file.octets else { return .owing }
    var changes = debts.changes
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

  private func hasRoom(for octets: Int) -> Bool {
    guard let current else { return false }
    return beginning(in: current) + octets <= current.file.octets
  }

  /// Throws if there is no segment to write to; then nothing of the batch has been written.
  private mutating func makeRoom(for batch: Batch, mark: UInt64, settlements: inout [Settlement]) throws(LogError) {
    let needed = batch.image.count + (batch.hasOnlyChanges ? 0 : reserveOctets)
    if hasRoom(for: needed) { return }
    // A sync stays in one segment.
    if sync != nil, finishSync(mark: mark, settlements: &settlements) == .owing {
      throw LogError.disk(attempt: "sync", name: "the log", code: LogError.ioError)
    }
    if hasRoom(for: needed) { return }
    current = try openSegment(room: batch.image.count + reserveOctets, mark: mark)
  }

  private mutating func write(_ batch: inout Batch) throws(LogError) {
    guard let segment = current else { return }
    let offset = beginning(in: segment)
    var sync = self.sync ?? Sync(number: nextSync, start: offset, firstSequence: nextSequence)
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
      try segment.file.sync()
    } catch {
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
  }

  // MARK: - Failure

  /// The sync under way failed: gives up its file, and tries fresh ones until its void is durable.
  private mutating func fail(_ error: LogError, mark: UInt64, settlements: inout [Settlement]) -> StepResult {
    owe(error)
    for _ in 0..<LogLimits.freshSegmentsMax {
      do throws(LogError) {
        try payDebts(mark: mark, settlements: &settlements)
        return .synced
      } catch {
        continue
      }
    }
    isFailing = true
    for refused in debts.refused {
      settlements.append(Settlement(ticket: refused.ticket, result: .failed(.undecided)))
    }
    debts.refused = []
    return .owing
  }

  /// Takes the sync under way apart into what must be voided, written again, and refused.
  private mutating func owe(_ error: LogError) {
    guard let segment = current, let sync else { return }
    debts.voids.append(VoidRegion(segment: segment.number, start: UInt32(sync.start), sync: sync.number))
    debts.changes.append(sync.changes)
    for placed in sync.written where placed.fate == .voided {
      debts.refused.append(Settlement(ticket: placed.ticket, result: .failed(error.isFull ? .full : .refused)))
    }
    // Void records have no place in the sequence; the next ones get their numbers.
    nextSequence = sync.firstSequence
    nextSync = sync.number + 1
    self.sync = nil
    current = nil
  }

  /// Tries one fresh segment: voids first, then the changes, in one sync.
  private mutating func payDebts(mark: UInt64, settlements: inout [Settlement]) throws(LogError) {
    // Each void is written twice: one bad sector must not bring back a message that was refused.
    var batch = Batch()
    for region in debts.voids + debts.voids { batch.append(region) }
    batch.append(debts.changes)
    let owed = debts
    current = try openSegment(room: batch.image.count + reserveOctets, mark: mark)
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
    isFailing = false
    if let sync { succeed(sync, settlements: &settlements) }
    settlements.append(contentsOf: owed.refused)
  }

  // MARK: - Segments

  /// A file is used only when its header and its name are durable.
  private mutating func openSegment(room: Int, mark: UInt64) throws(LogError) -> Segment {
    let number = nextSegment
    let name = SegmentName.text(number)
    nextSegment += 1
    let header = SegmentHeader(
      number: number, salt: SegmentHeader.salt(salt, segment: number), firstSequence: nextSequence,
      firstSync: nextSync, lastDurableSync: lastDurableSync, mark: mark)
    do throws(LogError) {
      let octets = max(segmentOctets, SegmentHeader.blockOctets + room).rounded(upTo: SegmentHeader.blockOctets)
      let file = try disk.create(name, octets: octets)
      var failure: LogError?
      header.block().withUnsafeBytes { block in
        do throws(LogError) {
          try file.writeAll(block, at: 0, name: name)
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
      try file.sync()
      try disk.syncDirectory()
      segments.append(number)
      return Segment(number: number, file: file, magic: header.magic, end: SegmentHeader.blockOctets)
    } catch {
      // Best effort: recovery ignores a segment without records.
      try? disk.remove(name)
      throw error
    }
  }

  /// Removes segments at the head. In order, and each removal durable before the next: a message must not come back
  /// because the segment with its acceptance outlived the one with its end.
  mutating func retire(below needed: UInt32) -> [UInt32] {
    var removed: [UInt32] = []
    let limit = min(needed, current?.number ?? segments.last ?? 0)
    while let first = segments.first, first < limit {
      do throws(LogError) {
        try disk.remove(SegmentName.text(first))
        try disk.syncDirectory()
      } catch {
        // The next step tries again; a segment too many does no harm.
        break
      }
      segments.removeFirst()
      removed.append(first)
    }
    return removed
  }
}
