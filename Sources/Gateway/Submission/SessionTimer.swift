// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import SMTP

/// When a client's time is over: for what it does next, and for its login. One timer a session, which moves on when it
/// fires too early instead of being set anew for each line. Who has it schedules, on the session's event loop.
struct SessionTimer {
  private var scheduled: Scheduled<Void>?
  private var firesAt = NIODeadline.distantFuture
  private var deadline = NIODeadline.distantFuture
  private var loginDeadline = NIODeadline.distantFuture
  /// Of the session, when it was heard last.
  private var lines: UInt64 = 0
  private var contentOctets: UInt64 = 0
  private var isTimingContent = false

  private var end: NIODeadline { min(deadline, loginDeadline) }

  mutating func set(_ seconds: Int, now: NIODeadline) {
    deadline = now + .seconds(Int64(seconds))
  }

  /// The session has taken what came; true: the deadline moved.
  ///
  /// A whole line gives time for the next one. Content has a time when it begins, and earns more with its octets: with
  /// so many a second it keeps it. In chunks its lines give it none, or whoever sends an octet a chunk had all the time.
  mutating func heard(_ session: borrowing ServerSession, isLast: Bool, now: NIODeadline) -> Bool {
    let hasLine = session.progress != lines
    let octets = session.contentOctets - contentOctets
    // The dot may come alone, and is neither.
    guard hasLine || octets > 0 || isTimingContent != session.isTakingContent else { return false }
    lines = session.progress
    contentOctets += octets
    guard session.isTakingContent else {
      isTimingContent = false
      set(Limits.commandSeconds, now: now)
      return true
    }
    // Between chunks a client has the time that it has for a command.
    let limit =
      isLast
      ? Limits.drainedContentSeconds : session.isReadingChunks ? Limits.commandSeconds : Limits.contentSeconds
    if isTimingContent, !hasLine || session.isReadingChunks {
      let rate = isLast ? Limits.drainedContentOctetsPerSecond : Limits.contentOctetsPerSecond
      let earned = TimeAmount.milliseconds(Int64(min(octets, 1 << 32)) * 1000 / Int64(rate))
      deadline = min(deadline + earned, now + .seconds(Int64(limit)))
    } else {
      set(limit, now: now)
    }
    isTimingContent = true
    return true
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
