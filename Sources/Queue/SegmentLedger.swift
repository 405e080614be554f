// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// Which segments something living points into: octets of queued messages, chunks of messages that are still
/// arriving, and damage that an admin has to see.
struct SegmentLedger: Sendable {
  private var liveOctets: [UInt32: Int] = [:]
  private var pins: [UInt32: Int] = [:]

  mutating func add(_ extent: Extent) {
    liveOctets[extent.segment, default: 0] += Self.weight(extent)
  }

  mutating func remove(_ extent: Extent) {
    liveOctets[extent.segment, default: 0] -= Self.weight(extent)
    if liveOctets[extent.segment]! <= 0 { liveOctets[extent.segment] = nil }
  }

  mutating func pin(_ segment: UInt32) {
    pins[segment, default: 0] += 1
  }

  mutating func unpin(_ segment: UInt32) {
    pins[segment, default: 0] -= 1
    if pins[segment]! <= 0 { pins[segment] = nil }
  }

  /// Everything below may go.
  var lowestNeeded: UInt32 {
    min(liveOctets.keys.min() ?? .max, pins.keys.min() ?? .max)
  }

  var totalOctets: Int { liveOctets.values.reduce(0, +) }

  /// A record without payload still keeps its segment.
  private static func weight(_ extent: Extent) -> Int { RecordHeader.span(payload: Int(extent.octets)) }
}
