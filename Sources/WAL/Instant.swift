// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A point in time, given by the caller: neither the log nor the queue reads a clock.
package struct Instant: Sendable, Hashable {
  /// Milliseconds since 1970; may jump in both directions.
  package var wall: Int64
  /// Milliseconds on a clock that only goes forward and begins anywhere.
  package var monotonic: Int64

  package init(wall: Int64, monotonic: Int64) {
    self.wall = wall
    self.monotonic = monotonic
  }

  package func advanced(by milliseconds: Int64) -> Instant {
    Instant(wall: wall + milliseconds, monotonic: monotonic + milliseconds)
  }
}
