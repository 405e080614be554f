// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The files of a spool directory by their names and headers: which of them are segments of this log, and what is wrong
/// with the others. Nothing behind the header block is read here.
///
/// Of a file that belongs to another spool, stands under a wrong name, or is there twice, nothing is read ever: no
/// message of it may be delivered because of a mistake in copying.
struct SegmentInventory {
  struct Segment {
    let number: UInt32
    /// nil if neither copy can be read.
    let header: SegmentHeader?
    let fileOctets: Int
    /// The disk did not give some octets of the header: what they are, only another attempt can tell.
    var isRefused = false

    /// Octets that the file had from the start, if it has fewer now.
    var cutShortOf: Int? { header.map { Int($0.fileOctets) }.flatMap { $0 > fileOctets ? $0 : nil } }
  }

  /// Ours, ascending; also those whose header cannot be read, which may be.
  private(set) var segments: [Segment] = []
  /// Numbers of all files that have the name of a segment, ascending.
  let files: [UInt32]
  /// About files that are not read.
  private(set) var damages: [LogDamage] = []
  private(set) var badCopies: [Position] = []
  private(set) var setAside: Set<UInt32> = []
  /// Above every number that any file has or claims, so that no name is used twice.
  private(set) var nextSegment: UInt32 = 1
  /// 0 if no header says it.
  private(set) var spool: UInt64 = 0
  /// The lowest segment that somebody has given another name, and which may get its own back.
  private(set) var awaited: UInt32?
  /// The lowest segment that the log had when its newest one was made.
  private var floor: UInt32 = 0

  /// The last of ours that has a header.
  var lastBegun: Segment? { segments.last { $0.header != nil } }

  /// Throws for a segment that a later version of the program wrote.
  init(_ disk: any Disk) throws(LogError) {
    let names = try disk.list()
    setAside = Set(names.compactMap(SegmentName.setAsideNumber))
    files = names.compactMap(SegmentName.number).sorted()
    var found: [Segment] = []
    for number in files { found.append(try read(number, disk)) }
    spool = try SpoolIdentity.own(of: found)
    let newest = found.compactMap(\.header).filter { $0.spool == spool }.max { $0.number < $1.number }
    if let newest, newest.floor <= newest.number { floor = newest.floor }
    var salts: [UInt32: UInt64] = [:]
    for segment in found where segment.header?.number == segment.number { salts[segment.number] = segment.header?.salt }
    for segment in found {
      if let kind = try wrong(segment, salts, disk) {
        if case .misnamed(let number) = kind { awaited = min(awaited ?? number, number) }
        damages.append(
          LogDamage(kind: kind, name: SegmentName.text(segment.number), segment: segment.number, offset: 0))
      } else {
        segments.append(segment)
      }
    }
    let claimed = found.compactMap { $0.header?.spool == spool ? $0.header?.number : nil }
    let numbers = found.map(\.number) + claimed + setAside
    nextSegment = (numbers.filter { $0 <= LogLimits.segmentNumberMax }.max() ?? 0) + 1
  }

  private mutating func read(_ number: UInt32, _ disk: any Disk) throws(LogError) -> Segment {
    let name = SegmentName.text(number)
    let file = try disk.open(name)
    if !SeededFault.memoryTrusted { file.forgetCached() }
    var block = [UInt8](repeating: 0, count: SegmentHeader.blockOctets)
    var isRefused = false
    // The copies are read on their own: one bad sector must not cost both.
    for start in [0, SegmentHeader.copyOffset] {
      block.withUnsafeMutableBytes { block in
        let copy = UnsafeMutableRawBufferPointer(rebasing: block[start..<(start + SegmentHeader.octets)])
        if (try? file.readAll(into: copy, at: start)) == nil { isRefused = true }
      }
    }
    let header = try SegmentHeader.decode(block: block, name: name)
    if header != nil {
      badCopies += SegmentHeader.badCopies(block: block, name: name).map { offset in
        Position(segment: number, offset: UInt32(offset))
      }
    }
    return Segment(
      number: number, header: header, fileOctets: min(file.octets, LogLimits.segmentOctetsMax), isRefused: isRefused)
  }

  private func isBlank(_ segment: Segment, _ disk: any Disk) throws(LogError) -> Bool {
    let file = try disk.open(SegmentName.text(segment.number))
    let header = SegmentHeader(
      number: segment.number, salt: 0, firstSequence: 0, firstSync: 0, lastDurableSync: 0, mark: 0)
    var scanner = SegmentScanner(file: file, header: header, voids: [])
    return scanner.isBlank(from: SegmentHeader.blockOctets)
  }

  /// nil if nothing is. `salts` are those of the segments that stand under their own names.
  private func wrong(
    _ segment: Segment, _ salts: [UInt32: UInt64], _ disk: any Disk
  ) throws(LogError) -> LogDamage.Kind? {
    guard let header = segment.header else {
      guard segment.number < floor else { return nil }
      return try isBlank(segment, disk) ? nil : .retired(segment.number)
    }
    // Versions before 3 do not say whose they are.
    if header.spool != 0, header.spool != spool { return .foreign(spool: header.spool, host: header.host) }
    // One that was given up while it was made may come back below the floor with a power cut; it holds nothing.
    if header.number < floor || (segment.number < floor && header.number == segment.number) {
      if header.number == segment.number, try isBlank(segment, disk) { return nil }
      return .retired(header.number)
    }
    if header.number == segment.number { return nil }
    return salts[header.number] == header.salt ? .duplicate(header.number) : .misnamed(header.number)
  }
}
