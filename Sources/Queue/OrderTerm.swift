// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The time of one order about one message: how long the life of the message has stood still for it, and when it ends
/// by itself. Holds and drops have one each; it knows nothing of what they mean. A value of the fold; it reads no clock.
struct OrderTerm: Sendable, Equatable {
  /// Wall time of the order, and its end as that said; nil: it ends by another order only.
  var ordered: Int64
  var until: Int64?
  /// Queue time from which the life of the message stands still for this.
  var start: Int64
  /// Total of standstill at that time.
  var standstill: Int64
  /// Its end in queue time, whatever the wall clock says.
  var due: Int64?
  /// Queue time from which the wall clock is believed when it says that the end has come; nil: it is not asked.
  private(set) var believed: Int64?

  /// A new order, at `time` in queue time.
  init(ordered: Int64, until: Int64?, time: Int64, standstill: Int64) {
    self.ordered = ordered
    self.until = until
    start = time
    self.standstill = standstill
    due = until.map { time + max(0, $0 - ordered) }
  }

  /// As it was written down with its message at `wall`, when it had counted for `elapsed`.
  init(ordered: Int64, until: Int64?, elapsed: Int64, standstill: Int64, time: Int64, wall: Int64) {
    self.ordered = ordered
    self.until = until
    start = time - elapsed
    self.standstill = standstill
    due = until.map { time + max(0, $0 - wall) }
  }

  /// Milliseconds by which this has lengthened the life of its message so far. Standstill of the upstream in the same
  /// time is counted elsewhere.
  func lengthening(at time: Int64, standstill: Int64) -> Int64 {
    max(0, (time - start) - (standstill - self.standstill))
  }

  /// What it has counted for so far was counted elsewhere.
  mutating func restart(at time: Int64, standstill: Int64) {
    start = time
    self.standstill = standstill
  }

  mutating func postpone(by milliseconds: Int64) { due = due.map { $0 + milliseconds } }

  /// After the log has been read, for an order whose end is a time of day: how long the program did not run, only the
  /// wall clock knows. But a clock that is behind makes it no longer than it was ordered, and one that is ahead does not
  /// end it before there was time to correct it.
  mutating func followWallClock(from time: Int64) {
    guard let until else { return }
    let length = max(0, until - ordered)
    due = time + length
    believed = time + min(length, QueueLimits.clockDoubtMilliseconds)
  }

  /// Queue time of its end, as far as is known when it is `time` and the wall clock shows `wall`.
  func end(at time: Int64, wall: Int64) -> Int64? {
    guard let due, let until, let believed else { return due }
    return min(due, max(believed, time + max(0, until - wall)))
  }

  /// The same as an admin is told it: he gave a time of day.
  func expectedEnd(at time: Int64, wall: Int64) -> Int64? {
    guard let due, let until, believed != nil else { return due }
    return min(due, time + max(0, until - wall))
  }
}
