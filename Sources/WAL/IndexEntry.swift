// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the index says of one record; the entries of a segment stand in the order of its records, so the sequence need
/// not be said.
///
///     0  u32  offset of the record
///     4  u32  octets of its payload
///     8  u32  CRC32C of its payload
///    12  u8   type
///    13  u32  octets of the payload that follow, its first ones; 0xFFFFFFFF: read the record itself
///    17       these octets
struct IndexEntry {
  var offset: UInt32
  var payloadOctets: UInt32
  var payloadChecksum: UInt32
  var type: UInt8
  /// nil: so many that they are not repeated.
  var indexed: UInt32?

  static let octets = 17
  private static let notRepeated = UInt32.max

  /// Octets of the entry of a record of which so many are to be in the index.
  static func octets(indexed: Int, max indexedMax: Int) -> Int {
    octets + (indexed <= indexedMax ? indexed : 0)
  }

  func encode(to octets: inout [UInt8]) {
    octets.append(littleEndian: offset)
    octets.append(littleEndian: payloadOctets)
    octets.append(littleEndian: payloadChecksum)
    octets.append(type)
    octets.append(littleEndian: indexed ?? Self.notRepeated)
  }

  /// nil if the octets end too early, or contradict themselves. `place` is left behind what follows the entry.
  static func decode(_ octets: UnsafeRawBufferPointer, at place: inout Int) -> IndexEntry? {
    guard octets.count - place >= Self.octets else { return nil }
    let length = octets.load(littleEndianAt: place + 13, as: UInt32.self)
    let entry = IndexEntry(
      offset: octets.load(littleEndianAt: place, as: UInt32.self),
      payloadOctets: octets.load(littleEndianAt: place + 4, as: UInt32.self),
      payloadChecksum: octets.load(littleEndianAt: place + 8, as: UInt32.self), type: octets[place + 12],
      indexed: length == notRepeated ? nil : length)
    let repeated = Int(entry.indexed ?? 0)
    guard repeated <= entry.payloadOctets, entry.payloadOctets <= LogLimits.payloadOctetsMax,
      octets.count - place - Self.octets >= repeated
    else { return nil }
    place += Self.octets + repeated
    return entry
  }
}
