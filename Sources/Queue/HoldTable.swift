// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// What is known of each message that is held. A table of its own, because few messages are: the others pay one bit.
struct HoldTable: Sendable {
  private var entries: [UInt64: Entry] = [:]

  struct Entry: Sendable, Equatable {
    var by: PeerText
    var reason: PeerText?
    /// Wall time of the first order.
    var since: Int64
    /// The same in queue time.
    var start: Int64
    /// Total of standstill at that time.
    var standstill: Int64
    /// Wall time of the last order, and its end as that said; nil until released.
    var ordered: Int64
    var until: Int64?
    /// Its end in queue time.
    var due: Int64?
  }

  subscript(number: UInt64) -> Entry? { entries[number] }

  /// A second order takes the place of the first, but the message is held since that one.
  mutating func insert(_ order: HoldOrder, _ number: UInt64, time: Int64, standstill: Int64) {
    var entry = Entry(
      by: order.by, reason: order.reason, since: order.wall, start: time, standstill: standstill, ordered: order.wall,
      until: order.until, due: order.until.map { time + max(0, $0 - order.wall) })
    if let first = entries[number] {
      (entry.since, entry.start, entry.standstill) = (first.since, first.start, first.standstill)
    }
    entries[number] = entry
  }

  /// A hold as it was written down with its message, at `wall`.
  mutating func insert(_ hold: MovedMessage.Hold, _ number: UInt64, time: Int64, wall: Int64) {
    entries[number] = Entry(
      by: hold.by, reason: hold.reason, since: hold.since, start: time - hold.elapsed, standstill: hold.standstill,
      ordered: hold.ordered, until: hold.until, due: hold.until.map { time + max(0, $0 - wall) })
  }

  mutating func remove(_ number: UInt64) { entries[number] = nil }

  /// Milliseconds by which this hold has lengthened the life of its message so far. Standstill of the upstream in the
  /// same time is counted elsewhere.
  func lengthening(_ number: UInt64, at time: Int64, standstill: Int64) -> Int64 {
    guard let entry = entries[number] else { return 0 }
    return max(0, (time - entry.start) - (standstill - entry.standstill))
  }

  /// After the log has been read. An admin thinks of a time of day, so the wall clock says how much of a hold is left;
  /// but a clock that went back makes no hold longer than it was ordered.
  mutating func rebase(wall: Int64, time: Int64) {
    for (number, entry) in entries {
      guard let until = entry.until else { continue }
      entries[number]!.due = time + min(max(0, until - wall), max(0, until - entry.ordered))
    }
  }
}
