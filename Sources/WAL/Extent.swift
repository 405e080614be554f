// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Where a record's payload lies, and what it must be: an extent names one record for good, because segments are never
/// reused and the checksum binds the content.
package struct Extent: Sendable, Hashable {
  package var segment: UInt32
  /// Of the record's header in its segment.
  package var offset: UInt32
  /// Of the payload.
  package var octets: UInt32
  /// CRC32C of the payload.
  package var checksum: UInt32

  package init(segment: UInt32, offset: UInt32, octets: UInt32, checksum: UInt32) {
    self.segment = segment
    self.offset = offset
    self.octets = octets
    self.checksum = checksum
  }

  package var position: Position { Position(segment: segment, offset: offset) }
}

/// Where a record begins. `Position.unknown` stands for a record that is not durable yet.
package struct Position: Sendable, Hashable, Comparable {
  package var segment: UInt32
  package var offset: UInt32

  package init(segment: UInt32, offset: UInt32) {
    self.segment = segment
    self.offset = offset
  }

  package static func < (left: Position, right: Position) -> Bool {
    (left.segment, left.offset) < (right.segment, right.offset)
  }

  /// No segment has the number 0.
  package static let unknown = Position(segment: 0, offset: 0)
}
