// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The last 64 octets of a segment that was left in good order. Its checksum, and those of everything it leads to, say
/// that there is an index of all records; without it the segment is read as a whole.
///
///     0  octets[8]  "POSTIDX" and a zero
///     8  u64        salt of the segment
///    16  u64        sequence behind that of the last record
///    24  u64        number of the last sync
///    32  u32        offset behind the last record
///    36  u32        number of entries, which is that of the records
///    40  u32        offset of the last index page; 0 if there is none
///    44  u32        number of index pages
///    48  u32        offset of the entries that are in no page: a multiple of 4096, and the end of the file is near
///    52  u32        octets of these
///    56  u32        CRC32C of these
///    60  u32        CRC32C of the 60 octets before
struct IndexFooter: Equatable {
  var salt: UInt64
  var nextSequence: UInt64
  var lastSync: UInt64
  var end: UInt32
  var entries: UInt32
  var lastPage: UInt32
  var pages: UInt32
  var tail: UInt32
  var tailOctets: UInt32
  var tailChecksum: UInt32

  static let octets = 64
  private static let name = Array("POSTIDX\0".utf8)

  func encoded() -> [UInt8] {
    var octets = Self.name
    octets.append(littleEndian: salt)
    octets.append(littleEndian: nextSequence)
    octets.append(littleEndian: lastSync)
    for field in [end, entries, lastPage, pages, tail, tailOctets, tailChecksum] { octets.append(littleEndian: field) }
    octets.append(littleEndian: Checksum.crc32c(octets))
    return octets
  }

  /// nil unless the file has one, of this very segment. What it says of places lies within the file.
  static func load(from file: any DiskFile, of header: SegmentHeader) -> IndexFooter? {
    // A file that is not as long as it was has no end to read.
    guard header.fileOctets >= SegmentHeader.blockOctets, file.octets == Int(header.fileOctets) else { return nil }
    var octets = [UInt8](repeating: 0, count: Self.octets)
    let start = file.octets - Self.octets
    let footer = octets.withUnsafeMutableBytes { octets -> IndexFooter? in
      guard (try? file.readAll(into: octets, at: start)) == Self.octets else { return nil }
      return decode(UnsafeRawBufferPointer(octets))
    }
    guard let footer, footer.salt == header.salt, footer.end <= footer.tail,
      footer.lastSync <= LogLimits.counterMax, footer.nextSequence <= LogLimits.counterMax,
      Int(footer.tail) + Int(footer.tailOctets) <= start
    else { return nil }
    return footer
  }

  private static func decode(_ octets: UnsafeRawBufferPointer) -> IndexFooter? {
    guard octets.prefix(8).elementsEqual(name),
      Checksum.crc32c(UnsafeRawBufferPointer(rebasing: octets[..<60]))
        == octets.load(littleEndianAt: 60, as: UInt32.self)
    else { return nil }
    let fields = stride(from: 32, to: 60, by: 4).map { octets.load(littleEndianAt: $0, as: UInt32.self) }
    return IndexFooter(
      salt: octets.load(littleEndianAt: 8, as: UInt64.self),
      nextSequence: octets.load(littleEndianAt: 16, as: UInt64.self),
      lastSync: octets.load(littleEndianAt: 24, as: UInt64.self), end: fields[0], entries: fields[1],
      lastPage: fields[2], pages: fields[3], tail: fields[4], tailOctets: fields[5], tailChecksum: fields[6])
  }
}
