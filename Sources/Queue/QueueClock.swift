// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// Queue time: milliseconds that never jump. It runs with the monotonic clock while the program does, and over a
/// restart it is rebuilt from the wall times in the log, of which each step counts for no more than the longest wait
/// between attempts. So a clock that was wrong, once or for a year, neither expires the queue nor wakes it all.
struct QueueClock: Sendable {
  /// Queue time minus monotonic time.
  private var shift: Int64 = 0
  /// Wall time minus monotonic time, as the caller last said.
  private var wallShift: Int64 = 0
  /// Queue time as the caller last said.
  private(set) var lastTime: Int64 = 0

  /// Begins at `now` with the queue time that the log has reached.
  init(now: Instant, reached time: Int64) {
    shift = time - now.monotonic
    wallShift = now.wall - now.monotonic
    lastTime = time
  }

  mutating func time(_ now: Instant) -> Int64 {
    wallShift = now.wall - now.monotonic
    lastTime = now.monotonic + shift
    return lastTime
  }

  func monotonic(_ time: Int64) -> Int64 { time - shift }

  func wall(_ time: Int64) -> Int64 { time - shift + wallShift }
}

/// Queue time as it passed while the log was written.
struct LogClock: Sendable {
  private(set) var time: Int64 = 0
  private(set) var lastWall: Int64?
  private let stepMax: Int64

  /// While mail waits, something is written at least as often as the longest retry; more than that is a time without
  /// the program, or a clock that jumped.
  init(stepMax: Int64) {
    self.stepMax = stepMax
  }

  mutating func advance(to wall: Int64) {
    if let lastWall {
      // A time that no clock shows, in somebody's file, must not end the program.
      let (step, isOver) = wall.subtractingReportingOverflow(lastWall)
      time += isOver ? (wall > lastWall ? stepMax : 0) : min(max(step, 0), stepMax)
    }
    lastWall = wall
  }
}
