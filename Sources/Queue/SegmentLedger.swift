// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// Which segments something living points into: octets of queued messages and of messages that are still arriving, and
/// whatever somebody reads. It also knows which segments are damaged: those are put aside where others are removed.
struct SegmentLedger: Sendable {
  private var liveOctets: [UInt32: Int] = [:]
  private var pins: [UInt32: Int] = [:]
  private(set) var totalOctets = 0
  private(set) var damaged: Set<UInt32> = []
  /// Content that cannot be read any more and that a message still names: nothing is kept for it.
  private var lost: Set<Position> = []

  mutating func add(_ extent: Extent) {
    liveOctets[extent.segment, default: 0] += Self.weight(extent)
    totalOctets += Self.weight(extent)
  }

  mutating func remove(_ extent: Extent) {
    if lost.remove(extent.position) != nil { return }
    liveOctets[extent.segment, default: 0] -= Self.weight(extent)
    if liveOctets[extent.segment]! <= 0 { liveOctets[extent.segment] = nil }
    totalOctets -= Self.weight(extent)
  }

  /// An extent that was never added, or that is removed right after.
  mutating func giveUp(_ extent: Extent) { lost.insert(extent.position) }

  func isLost(_ extent: Extent) -> Bool { lost.contains(extent.position) }

  mutating func noteDamage(_ segment: UInt32) { damaged.insert(segment) }

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

  /// A record without payload still keeps its segment.
  private static func weight(_ extent: Extent) -> Int { RecordHeader.span(payload: Int(extent.octets)) }
}
