// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// When to tell the service manager that the queue is still being read. Asked with each piece of progress, so a disk that
/// gives nothing more gets no more time.
struct RecoveryPace {
  /// Time that one piece of progress is worth; the manager counts it from when it hears of it.
  static let extensionSeconds: UInt64 = 30
  private static let millisecondsMin: Int64 = 2_000

  private var last: Int64?

  /// `now` is monotonic milliseconds.
  mutating func isDue(_ now: Int64) -> Bool {
    if let last, now - last < Self.millisecondsMin { return false }
    last = now
    return true
  }
}
