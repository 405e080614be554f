// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Holds the index of a segment against the records, when somebody wants to know of every octet.
struct IndexCheck {
  private var entries: [UInt32: (entry: IndexEntry, repeated: Int, checksum: UInt32)] = [:]

  init(_ index: SegmentIndex) {
    index.visit { entry, octets in
      entries[entry.offset] = (entry, octets.count, Checksum.crc32c(octets))
    }
  }

  /// Whether the index says the same of this intact record.
  func agrees(_ header: RecordHeader, at offset: Int, _ payload: UnsafeRawBufferPointer) -> Bool {
    guard let (entry, repeated, checksum) = entries[UInt32(offset)] else { return false }
    return entry.type == header.type && entry.payloadOctets == header.payloadOctets
      && entry.payloadChecksum == header.payloadChecksum && repeated <= payload.count
      && Checksum.crc32c(UnsafeRawBufferPointer(rebasing: payload[..<repeated])) == checksum
  }
}
