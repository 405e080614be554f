// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// When a client's time is over: for what it does next, and for its login. One timer a session, which moves on when it
/// fires too early instead of being set anew for each line. Who has it schedules, on the session's event loop.
struct SessionTimer {
  private var scheduled: Scheduled<Void>?
  private var firesAt = NIODeadline.distantFuture
  private var deadline = NIODeadline.distantFuture
  private var loginDeadline = NIODeadline.distantFuture

  private var end: NIODeadline { min(deadline, loginDeadline) }

  mutating func set(_ seconds: Int, now: NIODeadline) {
    deadline = now + .seconds(Int64(seconds))
  }

  mutating func awaitLogin(_ seconds: Int, now: NIODeadline) {
    loginDeadline = now + .seconds(Int64(seconds))
  }

  mutating func loginIsDone() {
    loginDeadline = .distantFuture
  }

  /// When to be called next; nil if what is scheduled comes soon enough.
  var due: NIODeadline? { scheduled == nil || end < firesAt ? end : nil }

  mutating func replace(with next: Scheduled<Void>, at deadline: NIODeadline) {
    scheduled?.cancel()
    scheduled = next
    firesAt = deadline
  }

  /// Whether the time is over.
  mutating func fired(now: NIODeadline) -> Bool {
    scheduled = nil
    return now >= end
  }

  mutating func cancel() {
    scheduled?.cancel()
  }
}
