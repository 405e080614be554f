// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// What is known of each message that somebody dropped. A table of its own, as for those that are held.
struct DropTable: Sendable {
  private var entries: [UInt64: Entry] = [:]

  struct Entry: Sendable, Equatable {
    var batch: UInt64
    var by: PeerText
    /// Wall time of the order, and its end as that said.
    var ordered: Int64
    var until: Int64
    /// Its end in queue time.
    var due: Int64
    /// Queue time from which the life of the message stands still for this; a hold counts for itself.
    var start: Int64
    /// Total of standstill at that time.
    var standstill: Int64
  }

  subscript(number: UInt64) -> Entry? { entries[number] }

  /// Every batch that can be taken back, with the number of its messages.
  var batches: [UInt64: Int] { entries.values.reduce(into: [:]) { $0[$1.batch, default: 0] += 1 } }

  /// Messages of a batch, in ascending order.
  func numbers(of batch: UInt64) -> [UInt64] {
    entries.filter { $0.value.batch == batch }.map(\.key).sorted()
  }

  mutating func insert(_ order: DropOrder, _ number: UInt64, time: Int64, standstill: Int64) {
    entries[number] = Entry(
      batch: order.batch, by: order.by, ordered: order.wall, until: order.until,
      due: time + max(0, order.until - order.wall), start: time, standstill: standstill)
  }

  /// A drop as it was written down with its message, at `wall`.
  mutating func insert(_ drop: MovedMessage.Drop, _ number: UInt64, time: Int64, wall: Int64) {
    entries[number] = Entry(
      batch: drop.batch, by: drop.by, ordered: drop.ordered, until: drop.until, due: time + max(0, drop.until - wall),
      start: time - drop.elapsed, standstill: drop.standstill)
  }

  mutating func remove(_ number: UInt64) { entries[number] = nil }

  /// The hold that has counted so far is over.
  mutating func restart(_ number: UInt64, time: Int64, standstill: Int64) {
    entries[number]?.start = time
    entries[number]?.standstill = standstill
  }

  /// Milliseconds by which this has lengthened the life of its message so far, as for a hold.
  func lengthening(_ number: UInt64, at time: Int64, standstill: Int64) -> Int64 {
    guard let entry = entries[number] else { return 0 }
    return max(0, (time - entry.start) - (standstill - entry.standstill))
  }

  /// After the log has been read, as for a hold: the wall clock says how much is left, and a clock that went back makes
  /// it no longer than it was ordered.
  mutating func rebase(wall: Int64, time: Int64) {
    for (number, entry) in entries {
      entries[number]!.due = time + min(max(0, entry.until - wall), max(0, entry.until - entry.ordered))
    }
  }
}
