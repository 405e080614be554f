// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import WAL

/// How long mail has lived, at least, by what counts against its lifetime: not the time for which the admin had sending
/// paused, as far as that is sure to be remembered. A value; each message keeps the one of its acceptance.
struct LifeClock {
  private var lifetime: Int64 = 0
  /// What one jump of the wall clock may add when the log is read again.
  private var jumpMax: Int64 = 0
  private var time: Int64 = 0
  private var jumps: Int64 = 0
  /// Time that stood still and is on the platter, that on its way there, that of which nobody can say when it is
  /// written, and since when it stands still now.
  private var stoodStill: Int64 = 0
  private var pending: Int64 = 0
  private var unwritten: Int64 = 0
  private var since: Int64?

  init() {}

  init(_ policy: QueuePolicy, _ now: Instant) {
    lifetime = policy.lifetime
    jumpMax = policy.delayMax
    time = now.monotonic
  }

  mutating func advance(from old: Instant, to now: Instant) {
    time = now.monotonic
    if now.wall - old.wall != now.monotonic - old.monotonic { jumps += 1 }
  }

  var isPaused: Bool { since != nil }

  /// `isWritten`: what ends now is written at once. It is not where the gateway does not know yet that it ends.
  mutating func pause(_ isPaused: Bool, isWritten: Bool) {
    if let since { isWritten ? (pending += time - since) : (unwritten += time - since) }
    since = isPaused ? time : nil
  }

  mutating func becameDurable() {
    stoodStill += pending
    pending = 0
  }

  /// What was not on the platter is forgotten.
  mutating func processEnded() {
    pending = 0
    unwritten = 0
    if since != nil { since = time }
  }

  private var standstill: Int64 { stoodStill + pending + unwritten + (since.map { time - $0 } ?? 0) }

  /// Mail of that time may be given up by now.
  func isOver(since start: LifeClock) -> Bool {
    time - start.time - (standstill - start.standstill) + (jumps - start.jumps) * jumpMax > lifetime
  }
}
