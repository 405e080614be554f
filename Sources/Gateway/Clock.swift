// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Queue
import WAL

/// The only place that reads the time. Everything behind it takes the time as an argument, so the simulator can give its own.
package struct Clock: Sendable {
  package let now: @Sendable () -> Instant
  /// Seconds east of UTC at a wall time, for trace fields.
  package let zoneOffset: @Sendable (_ unixSeconds: Int64) -> Int

  package init(
    now: @escaping @Sendable () -> Instant, zoneOffset: @escaping @Sendable (_ unixSeconds: Int64) -> Int
  ) {
    self.now = now
    self.zoneOffset = zoneOffset
  }

  package static let system = Clock(
    now: { Instant(wall: milliseconds(CLOCK_REALTIME), monotonic: milliseconds(CLOCK_BOOTTIME)) },
    zoneOffset: { seconds in
      var time = time_t(seconds)
      var parts = tm()
      return localtime_r(&time, &parts) == nil ? 0 : parts.tm_gmtoff
    })

  /// What systemd calls MONOTONIC_USEC (sd_notify(3)).
  static func monotonicMicroseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1000
  }

  private static func milliseconds(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
