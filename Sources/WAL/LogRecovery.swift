// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Reads every segment in order and hands each intact record of the log to a visitor. It changes nothing, so running
/// it twice finds the same; it holds one record at a time.
///
/// Sequence numbers tell what is missing. The writer writes nothing of a sync before the one before has succeeded, so
/// a bad record of a sync that another one followed is damage; a bad record of the last sync is the torn end of a
/// write that nobody was told of.
package struct LogRecovery {
  private let disk: any Disk
  private let inventory: SegmentInventory
  private let isVerifying: Bool
  /// Behind which the log goes on, unless something stands there that nobody can read.
  private var last: UInt32?
  private var log = RecoveredLog()
  /// Lowest segment that was in use when the last one was made; 0 if that does not say so.
  private let floor: UInt32
  /// The segment before, if its end tells anything.
  private var previous: Previous?
  /// Segments behind it in which nothing stands, not even a header.
  private var unbegun: [SegmentInventory.Segment] = []
  private var suspects = LogSuspects()
  /// Behind the last record of the log.
  private var tornEnd: VoidRegion?
  /// Highest sync that is known to have succeeded.
  private var provenSync: UInt64 = 0
  private var highestSync: UInt64 = 0

  private struct Previous {
    let header: SegmentHeader
    /// Behind the last intact record.
    let end: Int
    let octets: Int
    let lastSync: UInt64
    /// Torn records stood from here on, which have their numbers. Those of a failed sync gave theirs back, and behind the
    /// torn end of the log nobody knows of any.
    let voidStart: Int?
    /// Octets that the file had, if they are not all there.
    let cutShortOf: Int?
  }

  /// If it is not whole, the payload is what its writer had named as the part that recovery needs.
  package typealias Visitor = (
    _ type: UInt8, _ extent: Extent, _ payload: UnsafeRawBufferPointer, _ isWhole: Bool
  ) -> Void

  /// Throws if the directory cannot be read, or if a later version of the program wrote in it.
  package static func run(disk: any Disk, visit: Visitor) throws(LogError) -> RecoveredLog {
    try run(disk, isVerifying: false, visit)
  }

  /// The same, but reads every octet, and compares the indexes with what they are about.
  package static func verify(disk: any Disk, visit: Visitor) throws(LogError) -> RecoveredLog {
    try run(disk, isVerifying: true, visit)
  }

  private static func run(_ disk: any Disk, isVerifying: Bool, _ visit: Visitor) throws(LogError) -> RecoveredLog {
    let inventory = try SegmentInventory(disk)
    var recovery = LogRecovery(disk: disk, inventory: inventory, isVerifying: isVerifying)
    let voids = try recovery.findVoids()
    var files: [UInt32: UInt64] = [:]
    recovery.last = inventory.lastBegun?.number
    for segment in inventory.segments {
      guard let header = segment.header else {
        try recovery.noteUnreadable(segment)
        continue
      }
      try recovery.noteMissing(before: header)
      let own = voids.filter { $0.segment == segment.number }
      let index = own.isEmpty ? try recovery.index(of: header) : nil
      let result =
        if let index, !isVerifying, recovery.isProven(index, of: header) {
          recovery.replay(index, header, visit: visit)
        } else {
          try recovery.scan(
            segment, header, voids: own, index: index, check: isVerifying ? index.map(IndexCheck.init) : nil,
            visit: visit)
        }
      if segment.number == recovery.last { try recovery.noteLast(segment, header, result) }
      files[segment.number] = result.lastSync
      recovery.previous = Previous(
        header: header, end: result.end, octets: segment.fileOctets, lastSync: result.lastSync,
        voidStart: own.filter { Int($0.end) > result.end && Int($0.end) < segment.fileOctets }.map { Int($0.start) }
          .min(),
        cutShortOf: segment.cutShortOf)
      recovery.unbegun = []
    }
    recovery.noteLostEnd()
    recovery.suspects.judge(provenSync: recovery.provenSync, into: &recovery.log)
    try recovery.sync(files.filter { $0.value > recovery.provenSync }.keys.sorted())
    return recovery.finished()
  }

  private init(disk: any Disk, inventory: SegmentInventory, isVerifying: Bool) {
    self.disk = disk
    self.isVerifying = isVerifying
    self.inventory = inventory
    log.segments = inventory.segments.map(\.number)
    for segment in inventory.segments { log.segmentOctets[segment.number] = segment.fileOctets }
    log.files = inventory.files
    log.setAside = inventory.setAside
    log.nextSegment = inventory.nextSegment
    log.damages = inventory.damages
    log.awaited = inventory.awaited
    log.spool = inventory.spool
    let last = inventory.lastBegun?.header
    (log.host, floor) = (last?.host ?? "", last?.floor ?? 0)
    log.firstBegun = inventory.segments.first { $0.header != nil }?.number ?? inventory.nextSegment
  }

  // MARK: - Segments

  /// Void records are the first of their segment, so finding them all costs one window of each.
  private func findVoids() throws(LogError) -> [VoidRegion] {
    var voids: Set<VoidRegion> = []
    for segment in inventory.segments {
      guard let header = segment.header else { continue }
      let file = try disk.open(SegmentName.text(segment.number))
      var scanner = SegmentScanner(
        file: file, header: header, voids: [], windowOctets: LogLimits.smallWindowOctets)
      var isLooking = true
      while isLooking {
        let found = try scanner.next { (finding, payload) throws(LogError) in
          guard case .intact(let record, _) = finding else { return }
          if record.type == VoidRegion.recordType, let region = VoidRegion(payload: payload) {
            voids.insert(region)
          } else {
            isLooking = false
          }
        }
        if !found { isLooking = false }
      }
    }
    return Array(voids)
  }

  /// A segment whose making was cut short has nothing behind its header; anything else is damage. Behind the last one
  /// that can be read it may be the end of the log: as long as the disk does not give the header, nobody knows.
  private mutating func noteUnreadable(_ segment: SegmentInventory.Segment) throws(LogError) {
    let isEnd = segment.number > inventory.lastBegun?.number ?? 0
    if segment.isRefused, isEnd, !isVerifying {
      throw LogError.unreadableEnd(name: SegmentName.text(segment.number), offset: 0)
    }
    let file = try disk.open(SegmentName.text(segment.number))
    let header = SegmentHeader(
      number: segment.number, salt: 0, firstSequence: 0, firstSync: 0, lastDurableSync: 0, mark: 0)
    var scanner = SegmentScanner(file: file, header: header, voids: [])
    if scanner.isBlank(from: SegmentHeader.blockOctets) {
      unbegun.append(segment)
      log.unbegun.append(segment.number)
    } else {
      suspects.note(.unreadableHeader, segment.number, offset: 0, octets: segment.fileOctets)
      last = nil
      // It may be read again some day, and must not be taken for one that was not needed any more.
      log.firstBegun = min(log.firstBegun, segment.number)
      // What is missing behind it is told by this.
      previous = nil
      unbegun = []
    }
  }

  /// The segment was made when the records before it were durable.
  private mutating func noteMissing(before header: SegmentHeader) throws(LogError) {
    guard let previous else {
      // What was the lowest in use had a header once. One above it may have been given up while it was made.
      for segment in unbegun where segment.number == floor { noteEmptied(segment, records: 0) }
      return
    }
    // A segment of which no sync had succeeded when the next one was made held nothing that could be missing.
    guard header.firstSequence > log.nextSequence, header.lastDurableSync >= previous.header.firstSync else { return }
    if let start = previous.voidStart, previous.lastSync >= header.lastDurableSync {
      guard try hasRemains(of: previous, before: start) else { return }
    }
    let records = header.firstSequence - log.nextSequence
    let file = try disk.open(SegmentName.text(previous.header.number))
    let remains = RecordRemains.find(
      in: file, from: previous.end, to: previous.octets, magic: previous.header.magic, sequence: log.nextSequence)
    if remains == nil, let emptied = unbegun.first { return noteEmptied(emptied, records: records) }
    if let whole = previous.cutShortOf {
      return suspects.note(
        .cutShort(to: previous.octets, of: whole), previous.header.number, offset: previous.end,
        octets: max(0, previous.octets - previous.end), records: records)
    }
    let absent = absent(between: previous.header.number, and: header.number)
    suspects.note(
      remains != nil ? .record : absent.isEmpty ? .gap : .missing(absent), previous.header.number, offset: previous.end,
      octets: previous.octets - previous.end, records: records, remains)
  }

  /// The void begins where the sync before it ended: a record in between is damaged.
  private func hasRemains(of segment: Previous, before end: Int) throws(LogError) -> Bool {
    guard segment.end < end else { return false }
    let file = try disk.open(SegmentName.text(segment.header.number))
    return RecordRemains.find(
      in: file, from: segment.end, to: end, magic: segment.header.magic, sequence: log.nextSequence) != nil
  }

  private func absent(between low: UInt32, and high: UInt32) -> [UInt32] {
    let present = Set(log.segments)
    return Array(((low + 1)..<high).lazy.filter { !present.contains($0) }.prefix(LogLimits.missingSegmentsMax))
  }

  private mutating func noteEmptied(_ segment: SegmentInventory.Segment, records: UInt64) {
    log.firstBegun = min(log.firstBegun, segment.number)
    log.unbegun.removeAll { $0 == segment.number }
    let isShort = segment.fileOctets < SegmentHeader.blockOctets
    suspects.note(
      isShort ? .cutShort(to: segment.fileOctets, of: nil) : .unreadableHeader, segment.number, offset: 0,
      octets: segment.fileOctets, records: records)
  }

  /// Nothing stands in any segment behind the last one that has a header. If that was left there was another one.
  private mutating func noteLostEnd() {
    guard let previous, wasPreviousLeft() else { return }
    if let emptied = unbegun.first { return noteEmptied(emptied, records: 0) }
    let lost = previous.header.number + 1
    // A file with a higher number, whatever else is wrong with it, has been told of.
    guard log.nextSegment == lost else { return }
    suspects.note(.missing([lost]), previous.header.number, offset: previous.end, octets: 0)
    // So that it can come back.
    log.nextSegment = lost + 1
  }

  /// A segment gets the end of its index when the next one has its header, its length and its name for good.
  private func wasPreviousLeft() -> Bool {
    guard let previous, let file = try? disk.open(SegmentName.text(previous.header.number)) else { return false }
    return IndexFooter.load(from: file, of: previous.header) != nil
  }

  // MARK: - Records

  private struct ScanResult {
    /// Behind the last intact record.
    var end: Int
    var lastSync: UInt64
    var isBlankBehind: Bool
  }

  /// nil if there is none, or if any octet of it is not what was written.
  private func index(of header: SegmentHeader) throws(LogError) -> SegmentIndex? {
    SegmentIndex(try disk.open(SegmentName.text(header.number)), header)
  }

  /// A segment is left only when another one is there that knows its last sync. The rest is read as a whole.
  private func isProven(_ index: SegmentIndex, of header: SegmentHeader) -> Bool {
    inventory.segments.contains { segment in
      segment.number > header.number && segment.header.map { $0.lastDurableSync >= index.footer.lastSync } ?? false
    }
  }

  /// What `scan` would find, without looking at the records.
  private mutating func replay(_ index: SegmentIndex, _ header: SegmentHeader, visit: Visitor) -> ScanResult {
    let footer = index.footer
    index.visit { entry, payload in
      if entry.type != IndexWriter.recordType { log.records += 1 }
      guard Self.isOwners(entry.type) else { return }
      let extent = Extent(
        segment: header.number, offset: entry.offset, octets: entry.payloadOctets, checksum: entry.payloadChecksum)
      visit(entry.type, extent, payload, payload.count == entry.payloadOctets)
    }
    provenSync = max(provenSync, footer.lastSync)
    noteEnd(of: header, Int(footer.end), expected: footer.nextSequence, lastSync: footer.lastSync)
    return ScanResult(end: Int(footer.end), lastSync: footer.lastSync, isBlankBehind: true)
  }

  private static func isOwners(_ type: UInt8) -> Bool {
    type != VoidRegion.recordType && type != IndexWriter.recordType
  }

  /// What there is to know at the end of a segment.
  private mutating func noteEnd(of header: SegmentHeader, _ end: Int, expected: UInt64, lastSync: UInt64) {
    highestSync = max(highestSync, lastSync)
    log.nextSequence = max(log.nextSequence, expected)
    log.nextSync = max(log.nextSync, max(lastSync, header.firstSync) + 1)
    log.mark = max(log.mark, header.mark)
    log.octets += end
    // The making of a segment without records may have been cut short; not of the last one behind one that was left.
    let copies = inventory.badCopies.filter { $0.segment == header.number }
    guard !copies.isEmpty else { return }
    if end > SegmentHeader.blockOctets || (header.number == last && wasPreviousLeft()) { log.badCopies += copies }
  }

  private mutating func scan(
    _ segment: SegmentInventory.Segment, _ header: SegmentHeader, voids: [VoidRegion], index: SegmentIndex?,
    check: IndexCheck?, visit: Visitor
  ) throws(LogError) -> ScanResult {
    let name = SegmentName.text(segment.number)
    let file = try disk.open(name)
    var scanner = SegmentScanner(file: file, header: header, voids: voids)
    var expected = header.firstSequence
    var end = SegmentHeader.blockOctets
    var lastSync: UInt64 = 0
    var isReading = true
    while isReading {
      let known = suspects.count
      isReading = try scanner.next { (finding, payload) throws(LogError) in
        let (record, offset) =
          switch finding {
          case .intact(let record, let extent): (record, Int(extent.offset))
          case .damagedPayload(let record, let offset): (record, offset)
          }
        // Numbers only grow in a segment; whatever claims otherwise was not written by us.
        guard record.sequence >= expected else { return }
        if record.sequence > expected {
          let isVoid = voids.contains { $0.start < offset && $0.end > end }
          if !isVoid, !SeededFault.gapIgnored {
            noteMissing(in: file, header, from: end, to: offset, expected: expected, before: record)
          }
        }
        expected = record.sequence + 1
        lastSync = max(lastSync, record.sync)
        end = offset + record.span
        if case .intact(_, let extent) = finding {
          if let check, !check.agrees(record, at: offset, payload) {
            suspects.note(.index, header.number, offset: offset, octets: record.span)
          }
          if record.type != IndexWriter.recordType { log.records += 1 }
          if Self.isOwners(record.type) { visit(record.type, extent, payload, true) }
        } else {
          let damage = LogDamage(
            kind: record.type == IndexWriter.recordType ? .index : .record, name: name, segment: segment.number,
            offset: offset, octets: record.span, records: 1, type: record.type,
            payloadStart: Array(payload.prefix(16)))
          suspects.suspect(damage, sync: record.sync)
        }
      }
      suspects.prove(from: known, ifUnreadableBy: scanner)
    }
    // A record with sync n proves n - 1, if the segment was in use before; else only what its header says.
    provenSync = max(provenSync, lastSync > header.firstSync ? lastSync - 1 : header.lastDurableSync)
    noteEnd(of: header, end, expected: expected, lastSync: lastSync)
    // What stands behind the records of a segment that was left is its index.
    let isBlankBehind = index.map { $0.footer.end <= end } ?? scanner.isBlank(from: end)
    if segment.number == last, let offset = scanner.firstUnreadable(from: end, to: segment.fileOctets) {
      guard isVerifying else { throw LogError.unreadableEnd(name: name, offset: offset) }
      suspects.note(.record, header.number, offset: offset, octets: segment.fileOctets - offset)
    }
    return ScanResult(end: end, lastSync: lastSync, isBlankBehind: isBlankBehind)
  }

  private mutating func noteMissing(
    in file: any DiskFile, _ header: SegmentHeader, from start: Int, to end: Int, expected: UInt64,
    before record: RecordHeader
  ) {
    let remains = RecordRemains.find(in: file, from: start, to: end, magic: header.magic, sequence: expected)
    let damage = LogDamage(
      kind: remains == nil ? .gap : .record, name: SegmentName.text(header.number), segment: header.number,
      offset: start, octets: end - start, records: record.sequence - expected, type: remains?.type,
      payloadStart: remains?.payloadStart ?? [])
    // Records of an earlier sync than that of the intact one are missing: that sync had succeeded.
    let isProven = expected < record.sequence - UInt64(record.index)
    suspects.suspect(damage, isProven: isProven, sync: record.sync)
  }

  // MARK: - The end

  /// What there is to say of the last segment, behind which the log goes on.
  private mutating func noteLast(
    _ segment: SegmentInventory.Segment, _ header: SegmentHeader, _ result: ScanResult
  ) throws(LogError) {
    if !result.isBlankBehind { try noteTornEnd(of: header, from: result.end) }
    // A file in which nothing stands may have been given up before it had its length.
    let isBegun = !result.isBlankBehind || result.end > SegmentHeader.blockOctets
    let whole = segment.cutShortOf.flatMap { isBegun || wasPreviousLeft() ? $0 : nil }
    if let whole {
      suspects.note(
        .cutShort(to: segment.fileOctets, of: whole), header.number, offset: result.end,
        octets: max(0, segment.fileOctets - result.end))
    }
    // Octets that read differently at a later start must not count: others have their numbers by then.
    if (!result.isBlankBehind || whole != nil) && result.end < max(segment.fileOctets, whole ?? 0) {
      tornEnd = VoidRegion(
        segment: segment.number, start: UInt32(result.end), end: UInt32(max(segment.fileOctets, whole ?? 0)),
        sync: max(result.lastSync, header.firstSync))
    }
  }

  private mutating func noteTornEnd(of segment: SegmentHeader, from start: Int) throws(LogError) {
    let file = try disk.open(SegmentName.text(segment.number))
    let remains = RecordRemains.find(
      in: file, from: start, to: file.octets, magic: segment.magic, sequence: log.nextSequence)
    log.tornRecords += 1
    log.torn.append(
      LogDamage(
        kind: .record, name: SegmentName.text(segment.number), segment: segment.number, offset: start,
        octets: file.octets - start, records: 1, type: remains?.type, payloadStart: remains?.payloadStart ?? []))
  }

  /// What was read may still lie in memory only, after a kill; from now on it counts as durable.
  private func sync(_ numbers: [UInt32]) throws(LogError) {
    for number in numbers { try disk.open(SegmentName.text(number)).sync() }
    if !numbers.isEmpty { try disk.syncDirectory() }
  }

  private func finished() -> RecoveredLog {
    var log = log
    log.lastDurableSync = log.voids.isEmpty ? highestSync : provenSync
    if let tornEnd { log.voids.append(tornEnd) }
    return log
  }
}
