// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The time in which no mail can leave, whatever the reason: it counts against no lifetime. The dispatcher records it
/// bit by bit, so that the end of the process forgets little of it. Times are monotonic milliseconds.
struct Standstill: Sendable {
  /// Short beside a lifetime, long enough that a pause of weeks writes little.
  static let stepMilliseconds: Int64 = 300_000

  /// From here on it is not recorded; nil while mail may leave.
  private var from: Int64?

  var isRunning: Bool { from != nil }

  /// When a part of it is due to be recorded.
  var nextNote: Int64? { from.map { $0 + Self.stepMilliseconds } }

  /// Ends the part that was running and begins another one if it goes on. Returns the length of the part.
  mutating func note(goesOn: Bool, now: Int64) -> Int64 {
    defer { from = goesOn ? now : nil }
    return from.map { now - $0 } ?? 0
  }
}
