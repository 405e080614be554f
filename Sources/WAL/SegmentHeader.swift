// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The first block of a segment, 4 KiB: the header stands at offset 0 and again at offset 2048, in another sector, so
/// that one bad sector cannot make a whole segment unreadable. The rest of the block is zero.
///
///     0  octets[8]  "POSTERN" and a zero
///     8  u32        version, 4
///    12  u32        number of the segment, which is also its name
///    16  u64        salt; its low half is the magic of every record
///    24  u64        sequence of the first record
///    32  u64        number of the first sync
///    40  u64        number of the last sync that had succeeded when the segment was made
///    48  u64        mark: the highest number (of a message) that the owner had given to the log
///    56  u32        octets of the segment
///    60  u32        CRC32C of the 60 octets before; every version has it, so that an older program can tell a newer one
///    64  u64        identity of the spool, the same in all its segments
///    72  u32        floor: the lowest segment that the log had when this one was made
///    76  u8         octets of the host's name, at most 47
///    77  octets     the host's name, then zeros
///   124  u32        CRC32C of the 124 octets before
///
/// The last five came with version 3, and so did the octets of the segment: zero before.
package struct SegmentHeader: Sendable, Equatable {
  package var number: UInt32
  package var salt: UInt64
  package var firstSequence: UInt64
  package var firstSync: UInt64
  package var lastDurableSync: UInt64
  package var mark: UInt64
  /// What the file has from its making on; 0 in versions before 3: unknown, as all that follows.
  package var fileOctets: UInt32 = 0
  package var spool: UInt64 = 0
  package var floor: UInt32 = 0
  /// Where the segment was made, in printable ASCII.
  package var host = ""

  /// 2 brought types of records that a program which knows only 1 would take for damage; 3 the identity of the spool and
  /// the index; 4 what senders want to be told. Segments of earlier versions are read, and never appended to.
  package static let version: UInt32 = 4
  package static let octets = 128
  /// What a header of versions 1 and 2 has; the fields of every version.
  static let commonOctets = 64
  package static let hostOctetsMax = 47
  package static let copyOffset = 2048
  /// The header block, and the alignment of the first record of each sync.
  package static let blockOctets = 4096

  /// Never 0, so that no run of zeros looks like a record.
  package var magic: UInt32 { Self.magic(of: salt) }

  package static func magic(of salt: UInt64) -> UInt32 {
    let low = UInt32(truncatingIfNeeded: salt)
    return low == 0 ? 0x5057_414C : low
  }

  /// Salt of one segment, from the number that the process was given at its start: SplitMix64.
  static func salt(_ base: UInt64, segment: UInt32) -> UInt64 {
    var mixed = base &+ UInt64(segment) &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  func block() -> [UInt8] {
    let header = encoded()
    var block = header
    block.append(contentsOf: repeatElement(0, count: Self.copyOffset - Self.octets))
    block.append(contentsOf: header)
    block.append(contentsOf: repeatElement(0, count: Self.blockOctets - Self.copyOffset - Self.octets))
    return block
  }

  private func encoded() -> [UInt8] {
    var octets = Self.name
    octets.append(littleEndian: Self.version)
    octets.append(littleEndian: number)
    octets.append(littleEndian: salt)
    octets.append(littleEndian: firstSequence)
    octets.append(littleEndian: firstSync)
    octets.append(littleEndian: lastDurableSync)
    octets.append(littleEndian: mark)
    octets.append(littleEndian: fileOctets)
    octets.append(littleEndian: Checksum.crc32c(octets))
    octets.append(littleEndian: spool)
    octets.append(littleEndian: floor)
    let name = Array(Self.printable(host).utf8)
    octets.append(UInt8(name.count))
    octets.append(contentsOf: name)
    octets.append(contentsOf: repeatElement(0, count: Self.hostOctetsMax - name.count))
    octets.append(littleEndian: Checksum.crc32c(octets))
    return octets
  }

  /// A host's name goes into logs and onto terminals, and may come from somebody else's file.
  static func printable(_ host: String) -> String {
    let octets = host.utf8.prefix(hostOctetsMax).map { (0x21...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
    return String(decoding: octets, as: UTF8.self)
  }

  private static let name = Array("POSTERN\0".utf8)

  /// What the block of the file `name` says, by its first intact copy; nil if neither is. Throws for a version that came
  /// after this one.
  static func decode(block: [UInt8], name: String) throws(LogError) -> SegmentHeader? {
    for offset in [0, copyOffset] {
      if let header = try decode(block: block, at: offset, of: name) { return header }
    }
    return nil
  }

  /// Where the copies stand that are not intact.
  static func badCopies(block: [UInt8], name: String) -> [Int] {
    [0, copyOffset].filter { (try? decode(block: block, at: $0, of: name)) == nil }
  }

  private static func decode(block: [UInt8], at offset: Int, of file: String) throws(LogError) -> SegmentHeader? {
    let (header, version) = block[offset..<(offset + octets)].withUnsafeBytes { decode($0) }
    if let version, version > Self.version { throw LogError.newerFormat(name: file, version: version) }
    return header
  }

  /// The version is nil if these are not the octets of any.
  private static func decode(_ octets: UnsafeRawBufferPointer) -> (header: SegmentHeader?, version: UInt32?) {
    guard octets.prefix(8).elementsEqual(name), isIntact(octets, upTo: commonOctets) else { return (nil, nil) }
    let version = octets.load(littleEndianAt: 8, as: UInt32.self)
    guard version <= Self.version else { return (nil, version) }
    var header = SegmentHeader(
      number: octets.load(littleEndianAt: 12, as: UInt32.self),
      salt: octets.load(littleEndianAt: 16, as: UInt64.self),
      firstSequence: octets.load(littleEndianAt: 24, as: UInt64.self),
      firstSync: octets.load(littleEndianAt: 32, as: UInt64.self),
      lastDurableSync: octets.load(littleEndianAt: 40, as: UInt64.self),
      mark: octets.load(littleEndianAt: 48, as: UInt64.self))
    let counters = [header.firstSequence, header.firstSync, header.lastDurableSync, header.mark]
    guard header.number > 0, header.number < .max, counters.allSatisfy({ $0 <= LogLimits.counterMax })
    else { return (nil, version) }
    if version < 3 { return (header, version) }
    let hostOctets = Int(octets[76])
    guard isIntact(octets, upTo: Self.octets), hostOctets <= hostOctetsMax else { return (nil, version) }
    header.fileOctets = octets.load(littleEndianAt: 56, as: UInt32.self)
    header.spool = octets.load(littleEndianAt: 64, as: UInt64.self)
    header.floor = octets.load(littleEndianAt: 72, as: UInt32.self)
    header.host = printable(String(decoding: octets[77..<(77 + hostOctets)], as: UTF8.self))
    return (header, version)
  }

  /// Whether the last four of these octets are the checksum of those before.
  private static func isIntact(_ octets: UnsafeRawBufferPointer, upTo end: Int) -> Bool {
    Checksum.crc32c(UnsafeRawBufferPointer(rebasing: octets[..<(end - 4)]))
      == octets.load(littleEndianAt: end - 4, as: UInt32.self)
  }
}
