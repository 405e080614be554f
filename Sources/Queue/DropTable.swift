// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// What is known of each message that somebody dropped. A table of its own, as for those that are held.
struct DropTable: Sendable {
  private var entries: [UInt64: Entry] = [:]
  /// While the log is read: queue time so far that does not count against the time in which a drop can be taken back.
  var uncounted: Int64 = 0
  /// Queue time at which the time of day is to be written down next, so that a later start can count what has passed.
  private var markDue: Int64 = 0

  struct Entry: Sendable, Equatable {
    var batch: UInt64
    var by: PeerText
    /// A hold counts for itself: then this begins where that ended.
    var term: OrderTerm
  }

  subscript(number: UInt64) -> Entry? { entries[number] }

  /// Every batch that can be taken back, with the number of its messages.
  var batches: [UInt64: Int] { entries.values.reduce(into: [:]) { $0[$1.batch, default: 0] += 1 } }

  /// Messages of a batch, in ascending order.
  func numbers(of batch: UInt64) -> [UInt64] {
    entries.filter { $0.value.batch == batch }.map(\.key).sorted()
  }

  mutating func insert(_ order: DropOrder, _ number: UInt64, time: Int64, standstill: Int64) {
    let term = OrderTerm(ordered: order.wall, until: order.until, time: time, standstill: standstill)
    insert(Entry(batch: order.batch, by: order.by, term: term), number, time: time)
  }

  /// A drop as it was written down with its message, at `wall`.
  mutating func insert(_ drop: MovedMessage.Drop, _ number: UInt64, time: Int64, wall: Int64) {
    let term = OrderTerm(
      ordered: drop.ordered, until: drop.until, elapsed: drop.elapsed, standstill: drop.standstill, time: time,
      wall: wall)
    insert(Entry(batch: drop.batch, by: drop.by, term: term), number, time: time)
  }

  private mutating func insert(_ entry: Entry, _ number: UInt64, time: Int64) {
    if entries.isEmpty { noteMark(time) }
    entries[number] = entry
    entries[number]!.term.postpone(by: -uncounted)
  }

  mutating func remove(_ number: UInt64) { entries[number] = nil }

  /// The hold that has counted so far is over.
  mutating func restart(_ number: UInt64, time: Int64, standstill: Int64) {
    entries[number]?.term.restart(at: time, standstill: standstill)
  }

  /// Milliseconds by which this has lengthened the life of its message so far, as for a hold.
  func lengthening(_ number: UInt64, at time: Int64, standstill: Int64) -> Int64 {
    entries[number]?.term.lengthening(at: time, standstill: standstill) ?? 0
  }

  /// After the log has been read, at `time` in queue time. What ends is gone for good, so no clock ends it that may be
  /// wrong: only time that the program has seen pass.
  mutating func rebase(time: Int64) {
    for number in entries.keys { entries[number]!.term.postpone(by: uncounted) }
    uncounted = 0
    noteMark(time)
  }

  // MARK: - Marks of time

  /// Queue time at which a mark is due, if anything is dropped.
  var nextMark: Int64? { entries.isEmpty ? nil : markDue }

  /// The time of day is written down at `time` in queue time.
  mutating func noteMark(_ time: Int64) { markDue = time + QueueLimits.markMilliseconds }
}
