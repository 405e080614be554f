// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Octets of a segment that count for nothing, whatever they look like: those of a sync that failed, and those that
/// recovery found torn. The payload of a `void` record, which always stands at the beginning of a segment:
///
///     0  u32  segment
///     4  u32  first octet
///     8  u32  octet behind the last; 0xFFFFFFFF for the end of the file
///    12  u32  zero
///    16  u64  number of the sync
package struct VoidRegion: Sendable, Hashable {
  package var segment: UInt32
  package var start: UInt32
  package var end: UInt32
  package var sync: UInt64

  /// Record type; the owner's types begin at 16.
  package static let recordType: UInt8 = 1
  static let payloadOctets = 24

  package init(segment: UInt32, start: UInt32, end: UInt32 = .max, sync: UInt64) {
    self.segment = segment
    self.start = start
    self.end = end
    self.sync = sync
  }

  func payload() -> [UInt8] {
    var octets: [UInt8] = []
    octets.append(littleEndian: segment)
    octets.append(littleEndian: start)
    octets.append(littleEndian: end)
    octets.append(littleEndian: UInt32(0))
    octets.append(littleEndian: sync)
    return octets
  }

  init?(payload octets: UnsafeRawBufferPointer) {
    guard octets.count == Self.payloadOctets else { return nil }
    segment = octets.load(littleEndianAt: 0, as: UInt32.self)
    start = octets.load(littleEndianAt: 4, as: UInt32.self)
    end = octets.load(littleEndianAt: 8, as: UInt32.self)
    sync = octets.load(littleEndianAt: 16, as: UInt64.self)
    guard start < end else { return nil }
  }
}
