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
    /// Begins with the first order and ends with the last.
    var term: OrderTerm
  }

  subscript(number: UInt64) -> Entry? { entries[number] }

  /// A second order takes the place of the first, but the message is held since that one.
  mutating func insert(_ order: HoldOrder, _ number: UInt64, time: Int64, standstill: Int64) {
    var entry = Entry(
      by: order.by, reason: order.reason, since: order.wall,
      term: OrderTerm(ordered: order.wall, until: order.until, time: time, standstill: standstill))
    if let first = entries[number] {
      entry.since = first.since
      entry.term.restart(at: first.term.start, standstill: first.term.standstill)
    }
    entries[number] = entry
  }

  /// A hold as it was written down with its message, at `wall`.
  mutating func insert(_ hold: MovedMessage.Hold, _ number: UInt64, time: Int64, wall: Int64) {
    entries[number] = Entry(
      by: hold.by, reason: hold.reason, since: hold.since,
      term: OrderTerm(
        ordered: hold.ordered, until: hold.until, elapsed: hold.elapsed, standstill: hold.standstill, time: time,
        wall: wall))
  }

  mutating func remove(_ number: UInt64) { entries[number] = nil }

  /// Milliseconds by which this hold has lengthened the life of its message so far.
  func lengthening(_ number: UInt64, at time: Int64, standstill: Int64) -> Int64 {
    entries[number]?.term.lengthening(at: time, standstill: standstill) ?? 0
  }

  /// After the log has been read, at `time` in queue time. An admin who orders a hold thinks of a time of day.
  mutating func rebase(time: Int64) {
    for number in entries.keys { entries[number]!.term.followWallClock(from: time) }
  }
}
