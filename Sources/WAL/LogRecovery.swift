// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What recovery found and where the log goes on.
package struct RecoveredLog: Sendable {
  /// Numbers of the segments on disk, ascending.
  package fileprivate(set) var segments: [UInt32] = []
  package fileprivate(set) var records = 0
  package fileprivate(set) var octets = 0
  /// Octets that count for nothing from now on: torn records of a sync that nobody was told of.
  package fileprivate(set) var voids: [VoidRegion] = []
  /// Places where the last sync of the log was torn, the end of the last segment included.
  package fileprivate(set) var tornRecords = 0
  package fileprivate(set) var torn: [LogDamage] = []
  package fileprivate(set) var damages: [LogDamage] = []
  /// Copies of segment headers that cost nothing, because the other copy is intact.
  package fileprivate(set) var badCopies: [Position] = []
  /// The highest mark in any segment header.
  package fileprivate(set) var mark: UInt64 = 0

  var nextSegment: UInt32 = 1
  var nextSync: UInt64 = 1
  var nextSequence: UInt64 = 1
  var lastDurableSync: UInt64 = 0

  /// An empty log.
  package init() {}
}

/// Octets that were once durable and are not what was written.
package struct LogDamage: Sendable, Equatable {
  package var segment: UInt32
  package var offset: Int
  /// Octets of the segment in which the missing records stood.
  package var octets: Int
  /// Records that are missing, as their sequence numbers tell.
  package var records: UInt64
  /// Type and first octets of the record, or of the first of those that are missing, as far as they can be told. The
  /// octets may be wrong.
  package var type: UInt8?
  package var payloadStart: [UInt8]
  /// Segments that should stand behind this one and are not there; their records may be those that are missing.
  package var missingSegments: Range<UInt32>?
}

/// Reads every segment in order and hands each intact record of the log to a visitor. It changes nothing, so running
/// it twice finds the same; it holds one record at a time.
///
/// Sequence numbers tell what is missing. The writer writes nothing of a sync before the one before has succeeded, so
/// a bad record of a sync that another one followed is damage; a bad record of the last sync is the torn end of a
/// write that nobody was told of.
package struct LogRecovery {
  private let disk: any Disk
  private var log = RecoveredLog()
  private var suspects: [Suspect] = []
  /// Highest sync that is known to have succeeded.
  private var provenSync: UInt64 = 0
  private var highestSync: UInt64 = 0

  /// A place where something is missing, until it is known whether its sync had succeeded.
  private struct Suspect {
    var damage: LogDamage
    /// Whether it is damage whatever else is found.
    var isProven: Bool
    var sync: UInt64
  }

  package typealias Visitor = (_ type: UInt8, _ extent: Extent, _ payload: UnsafeRawBufferPointer) -> Void

  /// Throws if the directory cannot be read, or if a later version of the program wrote in it.
  package static func run(disk: any Disk, visit: Visitor) throws(LogError) -> RecoveredLog {
    var recovery = LogRecovery(disk: disk)
    let segments = try recovery.openSegments()
    let voids = try recovery.findVoids(segments)
    var files: [UInt32: UInt64] = [:]
    var previous: (header: SegmentHeader, end: Int, octets: Int, isVoid: Bool)?
    for (place, segment) in segments.enumerated() {
      guard let header = segment.header else {
        // What is missing behind an unreadable segment is already told.
        if try recovery.noteUnreadable(segment.number) { previous = nil }
        continue
      }
      if let previous, header.firstSequence > recovery.log.nextSequence, !previous.isVoid {
        try recovery.noteMissingTail(of: previous.header, from: previous.end, to: previous.octets, before: header)
      }
      let own = voids.filter { $0.segment == segment.number }
      let result = try recovery.scan(segment.number, header, voids: own, visit: visit)
      if place == segments.count - 1, !result.isBlankBehind { try recovery.noteTornEnd(of: header, from: result.end) }
      files[segment.number] = result.lastSync
      previous = (header, result.end, result.octets, own.contains { Int($0.end) > result.end })
    }
    recovery.judge()
    try recovery.sync(files.filter { $0.value > recovery.provenSync }.keys.sorted())
    return recovery.finished(segments)
  }

  private init(disk: any Disk) {
    self.disk = disk
  }

  // MARK: - Segments

  private struct FoundSegment {
    var number: UInt32
    /// nil if both copies are bad.
    var header: SegmentHeader?
  }

  private mutating func openSegments() throws(LogError) -> [FoundSegment] {
    let numbers = try disk.list().compactMap(SegmentName.number).sorted()
    var found: [FoundSegment] = []
    for number in numbers {
      let file = try disk.open(SegmentName.text(number))
      var block = [UInt8](repeating: 0, count: SegmentHeader.blockOctets)
      // The copies are read on their own: one bad sector must not cost both.
      for start in [0, SegmentHeader.copyOffset] {
        block.withUnsafeMutableBytes { block in
          _ = try? file.readAll(
            into: UnsafeMutableRawBufferPointer(rebasing: block[start..<(start + SegmentHeader.octets)]), at: start)
        }
      }
      var header: Result<SegmentHeader?, LogError> = .success(nil)
      block.withUnsafeBytes { block in
        do throws(LogError) {
          header = .success(try SegmentHeader.decode(block: block, number: number))
          guard case .success(.some) = header else { return }
          log.badCopies += SegmentHeader.badCopies(block: block, number: number).map { offset in
            Position(segment: number, offset: UInt32(offset))
          }
        } catch {
          header = .failure(error)
        }
      }
      found.append(FoundSegment(number: number, header: try header.get()))
    }
    return found
  }

  /// Void records are the first of their segment, so finding them all costs one window of each.
  private func findVoids(_ segments: [FoundSegment]) throws(LogError) -> [VoidRegion] {
    var voids: Set<VoidRegion> = []
    for segment in segments {
      guard let header = segment.header else { continue }
      let file = try disk.open(SegmentName.text(segment.number))
      var scanner = SegmentScanner(file: file, header: header, voids: [])
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

  /// A segment whose making was cut short has nothing behind its header; anything else is damage.
  private mutating func noteUnreadable(_ number: UInt32) throws(LogError) -> Bool {
    let file = try disk.open(SegmentName.text(number))
    let header = SegmentHeader(
      number: number, salt: 0, firstSequence: 0, firstSync: 0, lastDurableSync: 0, mark: 0)
    var scanner = SegmentScanner(file: file, header: header, voids: [])
    if scanner.isBlank(from: SegmentHeader.blockOctets) { return false }
    let damage = LogDamage(
      segment: number, offset: 0, octets: file.octets, records: 0, type: nil, payloadStart: [])
    suspects.append(Suspect(damage: damage, isProven: true, sync: 0))
    return true
  }

  // MARK: - Records

  private struct ScanResult {
    /// Behind the last intact record.
    var end: Int
    var octets: Int
    var lastSync: UInt64
    var isBlankBehind: Bool
  }

  private mutating func scan(
    _ number: UInt32, _ header: SegmentHeader, voids: [VoidRegion], visit: Visitor
  ) throws(LogError) -> ScanResult {
    let file = try disk.open(SegmentName.text(number))
    var scanner = SegmentScanner(file: file, header: header, voids: voids)
    var expected = header.firstSequence
    var end = SegmentHeader.blockOctets
    var lastSync: UInt64 = 0
    var isReading = true
    while isReading {
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
          if !isVoid { noteMissing(in: file, header, from: end, to: offset, expected: expected, before: record) }
        }
        expected = record.sequence + 1
        lastSync = max(lastSync, record.sync)
        end = offset + record.span
        if case .intact(_, let extent) = finding {
          log.records += 1
          if record.type != VoidRegion.recordType { visit(record.type, extent, payload) }
        } else {
          let damage = LogDamage(
            segment: number, offset: offset, octets: record.span, records: 1, type: record.type,
            payloadStart: Array(payload.prefix(16)))
          suspects.append(Suspect(damage: damage, isProven: false, sync: record.sync))
        }
      }
    }
    // A record with sync n proves n - 1, if the segment was in use before; else only what its header says.
    provenSync = max(provenSync, lastSync > header.firstSync ? lastSync - 1 : header.lastDurableSync)
    highestSync = max(highestSync, lastSync)
    log.nextSequence = max(log.nextSequence, expected)
    log.nextSync = max(log.nextSync, max(lastSync, header.firstSync) + 1)
    log.mark = max(log.mark, header.mark)
    log.octets += end
    return ScanResult(
      end: end, octets: file.octets, lastSync: lastSync, isBlankBehind: scanner.isBlank(from: end))
  }

  private mutating func noteMissing(
    in file: any DiskFile, _ header: SegmentHeader, from start: Int, to end: Int, expected: UInt64,
    before record: RecordHeader
  ) {
    let remains = RecordRemains.find(in: file, from: start, to: end, magic: header.magic, sequence: expected)
    let damage = LogDamage(
      segment: header.number, offset: start, octets: end - start, records: record.sequence - expected,
      type: remains?.type, payloadStart: remains?.payloadStart ?? [])
    // Records of an earlier sync than that of the intact one are missing: that sync had succeeded.
    let isProven = expected < record.sequence - UInt64(record.index)
    suspects.append(Suspect(damage: damage, isProven: isProven, sync: record.sync))
  }

  /// The next segment was made when the records at the end of this one were durable.
  private mutating func noteMissingTail(
    of segment: SegmentHeader, from start: Int, to end: Int, before header: SegmentHeader
  ) throws(LogError) {
    let file = try disk.open(SegmentName.text(segment.number))
    let remains = RecordRemains.find(
      in: file, from: start, to: end, magic: segment.magic, sequence: log.nextSequence)
    let behind = segment.number + 1
    let damage = LogDamage(
      segment: segment.number, offset: start, octets: end - start, records: header.firstSequence - log.nextSequence,
      type: remains?.type, payloadStart: remains?.payloadStart ?? [],
      missingSegments: behind < header.number ? behind..<header.number : nil)
    suspects.append(Suspect(damage: damage, isProven: true, sync: 0))
  }

  // MARK: - The end

  private mutating func noteTornEnd(of segment: SegmentHeader, from start: Int) throws(LogError) {
    let file = try disk.open(SegmentName.text(segment.number))
    let remains = RecordRemains.find(
      in: file, from: start, to: file.octets, magic: segment.magic, sequence: log.nextSequence)
    log.tornRecords += 1
    log.torn.append(
      LogDamage(
        segment: segment.number, offset: start, octets: file.octets - start, records: 1, type: remains?.type,
        payloadStart: remains?.payloadStart ?? []))
  }

  private mutating func judge() {
    for suspect in suspects {
      if suspect.isProven || suspect.sync <= provenSync {
        log.damages.append(suspect.damage)
      } else {
        let damage = suspect.damage
        log.tornRecords += Int(clamping: damage.records)
        log.torn.append(damage)
        log.voids.append(
          VoidRegion(
            segment: damage.segment, start: UInt32(damage.offset), end: UInt32(damage.offset + damage.octets),
            sync: suspect.sync))
      }
    }
  }

  /// What was read may still lie in memory only, after a kill; from now on it counts as durable.
  private func sync(_ numbers: [UInt32]) throws(LogError) {
    for number in numbers { try disk.open(SegmentName.text(number)).sync() }
    if !numbers.isEmpty { try disk.syncDirectory() }
  }

  private func finished(_ segments: [FoundSegment]) -> RecoveredLog {
    var log = log
    log.segments = segments.map(\.number)
    log.nextSegment = (segments.last?.number ?? 0) + 1
    log.lastDurableSync = log.voids.isEmpty ? highestSync : provenSync
    return log
  }
}
