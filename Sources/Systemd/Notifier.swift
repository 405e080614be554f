// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import CSystemd

/// Tells the service manager how we are (sd_notify(3)). The daemon calls it at the turns of its life.
///
/// Without `NOTIFY_SOCKET` in the environment every call does nothing. It asks for no answer, but waits while the manager's
/// queue is full, so no loop that serves mail calls it. A manager that cannot be told is the business of `failed`.
package struct Notifier: Sendable {
  private let failed: @Sendable (SystemdError) -> Void

  /// Status text is one line in `systemctl status`; what is longer helps nobody there.
  package static let statusOctetsMax = 1024

  package init(failed: @escaping @Sendable (SystemdError) -> Void = { _ in }) {
    self.failed = failed
  }

  /// Start-up or reload is complete.
  package func ready(status: String) {
    send("READY=1\nSTATUS=\(Self.line(status))")
  }

  package func status(_ text: String) {
    send("STATUS=\(Self.line(text))")
  }

  /// A reload begins; `ready(status:)` ends it. The time is CLOCK_MONOTONIC, read by the caller when the request came in.
  package func reloading(monotonicMicroseconds: UInt64) {
    send("RELOADING=1\nMONOTONIC_USEC=\(monotonicMicroseconds)")
  }

  /// The start takes longer: the manager waits so long from now, and not less than its unit says.
  package func extendTimeout(seconds: UInt64, status: String) {
    send("EXTEND_TIMEOUT_USEC=\(seconds * 1_000_000)\nSTATUS=\(Self.line(status))")
  }

  /// We live: the watchdog begins to count anew.
  package func ping() {
    send("WATCHDOG=1")
  }

  /// How long the manager waits for a ping before it kills us; nil if it waits for none, or for another process
  /// (sd_watchdog_enabled(3)).
  package static func watchdogMilliseconds() -> Int64? {
    var microseconds: UInt64 = 0
    return sd_watchdog_enabled(0, &microseconds) > 0 ? Int64(clamping: microseconds / 1000) : nil
  }

  package func stopping() {
    send("STOPPING=1")
  }

  private func send(_ state: String) {
    let result = sd_notify(0, state)
    if result < 0 { failed(.notificationFailed(state: Self.line(state), errno: -result)) }
  }

  /// A line feed would begin another assignment: text that holds `READY=1` or `MAINPID=` must stay text.
  private static func line(_ text: String) -> String {
    let octets = text.utf8.prefix(statusOctetsMax).map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: " ") : $0 }
    return String(decoding: octets, as: UTF8.self)
  }
}
