// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The first block of a segment, 4 KiB: the header stands at offset 0 and again at offset 2048, in another sector, so
/// that one bad sector cannot make a whole segment unreadable. The rest of the block is zero.
///
///     0  octets[8]  "POSTERN" and a zero
///     8  u32        version, 2
///    12  u32        number of the segment, which is also its name
///    16  u64        salt; its low half is the magic of every record
///    24  u64        sequence of the first record
///    32  u64        number of the first sync
///    40  u64        number of the last sync that had succeeded when the segment was made
///    48  u64        mark: the highest number (of a message) that the owner had given to the log
///    56  u32        zero
///    60  u32        CRC32C of the 60 octets before
package struct SegmentHeader: Sendable, Equatable {
  package var number: UInt32
  package var salt: UInt64
  package var firstSequence: UInt64
  package var firstSync: UInt64
  package var lastDurableSync: UInt64
  package var mark: UInt64

  /// 2 brought types of records that a program which knows only 1 would take for damage. Segments of version 1 are
  /// read, and never appended to.
  package static let version: UInt32 = 2
  package static let octets = 64
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
    octets.append(littleEndian: UInt32(0))
    octets.append(littleEndian: Checksum.crc32c(octets))
    return octets
  }

  private static let name = Array("POSTERN\0".utf8)

  /// What the block of the file `number` says, by its first intact copy; nil if neither is, or if it belongs to a file
  /// of another name. Throws for a version that came after this one.
  static func decode(block: UnsafeRawBufferPointer, number: UInt32) throws(LogError) -> SegmentHeader? {
    for offset in [0, copyOffset] {
      if let header = try decode(block: block, at: offset, number: number) { return header }
    }
    return nil
  }

  /// Where the copies stand that are not intact.
  static func badCopies(block: UnsafeRawBufferPointer, number: UInt32) -> [Int] {
    [0, copyOffset].filter { (try? decode(block: block, at: $0, number: number)) == nil }
  }

  private static func decode(
    block: UnsafeRawBufferPointer, at offset: Int, number: UInt32
  ) throws(LogError) -> SegmentHeader? {
    guard block.count >= offset + octets else { return nil }
    let octets = UnsafeRawBufferPointer(rebasing: block[offset..<(offset + Self.octets)])
    guard octets.prefix(8).elementsEqual(name),
      Checksum.crc32c(UnsafeRawBufferPointer(rebasing: octets[..<60]))
        == octets.load(littleEndianAt: 60, as: UInt32.self)
    else { return nil }
    let version = octets.load(littleEndianAt: 8, as: UInt32.self)
    guard version <= Self.version else {
      throw LogError.newerFormat(name: SegmentName.text(number), version: version)
    }
    guard octets.load(littleEndianAt: 12, as: UInt32.self) == number else { return nil }
    return SegmentHeader(
      number: number,
      salt: octets.load(littleEndianAt: 16, as: UInt64.self),
      firstSequence: octets.load(littleEndianAt: 24, as: UInt64.self),
      firstSync: octets.load(littleEndianAt: 32, as: UInt64.self),
      lastDurableSync: octets.load(littleEndianAt: 40, as: UInt64.self),
      mark: octets.load(littleEndianAt: 48, as: UInt64.self))
  }
}

/// File names of segments: eight hexadecimal digits and `.wal`.
package enum SegmentName {
  package static func text(_ number: UInt32) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits + ".wal"
  }

  /// nil for every other file.
  package static func number(_ name: String) -> UInt32? {
    guard name.utf8.count == 12, name.hasSuffix(".wal"), let number = UInt32(name.prefix(8), radix: 16), number > 0,
      text(number) == name
    else { return nil }
    return number
  }
}
