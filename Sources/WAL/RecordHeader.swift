// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The 40 octets before each payload. A record begins at a multiple of 8; the first record of a sync at a multiple of
/// 4096.
///
///     0  u32  magic, the low half of the segment's salt
///     4  u8   type, then three zeros
///     8  u64  sequence: counts the records of the log, without those that are void
///    16  u64  number of the sync that makes the record durable
///    24  u32  index of the record in its sync
///    28  u32  octets of the payload
///    32  u32  CRC32C of the payload
///    36  u32  CRC32C of the 36 octets before, followed by the record's offset as u64
package struct RecordHeader: Sendable, Equatable {
  package var type: UInt8
  package var sequence: UInt64
  package var sync: UInt64
  package var index: UInt32
  package var payloadOctets: UInt32
  package var payloadChecksum: UInt32

  package static let octets = 40
  package static let alignment = 8

  /// Octets that a record with such a payload takes, padding included.
  package static func span(payload octets: Int) -> Int { (Self.octets + octets).rounded(upTo: alignment) }

  var span: Int { Self.span(payload: Int(payloadOctets)) }

  func store(into octets: UnsafeMutableRawBufferPointer, magic: UInt32, offset: Int) {
    octets.store(littleEndian: magic, at: 0)
    octets.store(littleEndian: UInt32(type), at: 4)
    octets.store(littleEndian: sequence, at: 8)
    octets.store(littleEndian: sync, at: 16)
    octets.store(littleEndian: index, at: 24)
    octets.store(littleEndian: payloadOctets, at: 28)
    octets.store(littleEndian: payloadChecksum, at: 32)
    octets.store(littleEndian: Self.checksum(UnsafeRawBufferPointer(octets), offset: offset), at: 36)
  }

  /// nil unless this is a record that was written at this very offset of this very segment.
  static func load(_ octets: UnsafeRawBufferPointer, magic: UInt32, offset: Int) -> RecordHeader? {
    guard octets.load(littleEndianAt: 0, as: UInt32.self) == magic else { return nil }
    return load(octets, offset: offset)
  }

  /// As above for a caller that knows where a record begins but not the segment's magic.
  static func load(_ octets: UnsafeRawBufferPointer, offset: Int) -> RecordHeader? {
    guard octets.count >= Self.octets,
      octets.load(littleEndianAt: 36, as: UInt32.self) == checksum(octets, offset: offset)
        || SeededFault.headerChecksumIgnored
    else { return nil }
    let header = RecordHeader(
      type: octets[4],
      sequence: octets.load(littleEndianAt: 8, as: UInt64.self),
      sync: octets.load(littleEndianAt: 16, as: UInt64.self),
      index: octets.load(littleEndianAt: 24, as: UInt32.self),
      payloadOctets: octets.load(littleEndianAt: 28, as: UInt32.self),
      payloadChecksum: octets.load(littleEndianAt: 32, as: UInt32.self))
    let isPossible =
      header.payloadOctets <= LogLimits.payloadOctetsMax && header.sequence > header.index
      && header.sequence <= LogLimits.counterMax && header.sync <= LogLimits.counterMax
    return isPossible ? header : nil
  }

  private static func checksum(_ octets: UnsafeRawBufferPointer, offset: Int) -> UInt32 {
    let crc = Checksum.crc32c(UnsafeRawBufferPointer(rebasing: octets[..<36]))
    return withUnsafeBytes(of: UInt64(offset).littleEndian) { Checksum.crc32c($0, continuing: crc) }
  }
}
