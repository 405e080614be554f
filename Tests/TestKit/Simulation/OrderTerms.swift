// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// How long a hold lasts: until a wall time, as the admin said, counted by the monotonic clock; nil: until it is released.
struct HoldTerm {
  private let ordered: Int64
  private let until: Int64?
  /// It ends no earlier.
  private var end: Int64?

  /// For so long after a start a wall clock that says it is over is not believed.
  private static let doubtMilliseconds: Int64 = 15 * 60_000

  init(from now: Instant, until: Int64?) {
    ordered = now.wall
    self.until = until
    end = until.map { now.monotonic + max(0, $0 - now.wall) }
  }

  func isOver(_ now: Instant) -> Bool { end.map { $0 <= now.monotonic } ?? false }

  func ends(before other: HoldTerm?) -> Bool {
    guard let end, let otherEnd = other?.end else { return false }
    return end < otherEnd
  }

  /// After a restart the wall clock says how much is left, but no more than was ordered; it may still be set right.
  mutating func restart(_ now: Instant) {
    let ordered = ordered
    end = until.map { now.monotonic + min(max(0, $0 - ordered), Self.doubtMilliseconds) }
  }

  /// What an admin is told then, as a wall time.
  func endAfterRestart(_ now: Instant) -> Int64? {
    until.map { now.wall + min(max(0, $0 - now.wall), max(0, $0 - ordered)) }
  }
}

/// How long a drop can be taken back: for a time that the process has seen pass. What a wall clock adds that goes
/// forwards is bounded, jump by jump.
struct DropTerm {
  private let length: Int64
  /// Jumps of the wall clock before it.
  private let jumps: Int64
  /// Monotonic time of its end as it was ordered: what a start did not count, a later one may.
  private let orderedEnd: Int64
  /// And as it stands, while the process lives.
  private var end: Int64

  /// What one jump may take from it, at the next start.
  private static let jumpMilliseconds: Int64 = 10 * 60_000

  init(from now: Instant, length: Int64, jumps: Int64) {
    self.length = length
    self.jumps = jumps
    orderedEnd = now.monotonic + length
    end = orderedEnd
  }

  func isOver(_ now: Instant) -> Bool { end <= now.monotonic }

  /// After a start.
  func mayBeOver(_ now: Instant, _ jumps: Int64) -> Bool { earliestEnd(jumps) <= now.monotonic }

  /// Whether it may end at this wall time, as an admin is told after a start.
  func mayEnd(at until: Int64, _ now: Instant, _ jumps: Int64) -> Bool {
    (earliestEnd(jumps)...(max(earliestEnd(jumps), now.monotonic + length))).contains(now.monotonic + until - now.wall)
  }

  mutating func restart(_ now: Instant, until: Int64) { end = now.monotonic + until - now.wall }

  private func earliestEnd(_ jumps: Int64) -> Int64 { orderedEnd - (jumps - self.jumps) * Self.jumpMilliseconds }
}
