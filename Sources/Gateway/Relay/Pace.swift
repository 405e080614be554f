// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// How fast an upstream is given mail that has asked us to slow down: half the connections with each such reply, then
/// one with a pause between messages that doubles. It is eased by one step after each five minutes without such a reply.
/// All times are monotonic milliseconds.
package struct Pace: Sendable, Equatable {
  private(set) var step = 0
  /// What it said last; nil at full pace.
  private(set) var reply: Reply?
  private(set) var since: Int64?
  private var changed: Int64 = 0
  private var notBefore: Int64 = 0

  private static let stepsMax = 16
  private static let easeMilliseconds: Int64 = 300_000
  /// Replies to messages that were on their way together are about the same pace.
  private static let onceMilliseconds: Int64 = 5_000
  private static let pauseMillisecondsMax: Int64 = 60_000

  var isSlow: Bool { step > 0 }

  /// Returns whether it is slower than before.
  mutating func slowed(_ reply: Reply, now: Int64) -> Bool {
    self.reply = reply
    guard step == 0 || now - changed >= Self.onceMilliseconds else { return false }
    if since == nil { since = now }
    step = min(step + 1, Self.stepsMax)
    changed = now
    return true
  }

  /// Returns whether it is faster than before.
  mutating func ease(now: Int64) -> Bool {
    guard step > 0, now - changed >= Self.easeMilliseconds else { return false }
    step -= 1
    changed = now
    if step == 0 { self = Pace() }
    return true
  }

  /// When it is eased next.
  var nextEase: Int64? { step > 0 ? changed + Self.easeMilliseconds : nil }

  func connectionsMax(_ configured: Int) -> Int { max(1, configured >> step) }

  /// Between two messages; 0 while fewer connections are enough.
  func pauseMilliseconds(configured: Int) -> Int64 {
    let steps = step - (Int.bitWidth - configured.leadingZeroBitCount - 1)
    return steps > 0 ? min(500 << Int64(steps), Self.pauseMillisecondsMax) : 0
  }

  /// When a message may be begun; nil: now.
  func opensAt(now: Int64) -> Int64? { notBefore > now ? notBefore : nil }

  func isSlowest(configured: Int) -> Bool { pauseMilliseconds(configured: configured) == Self.pauseMillisecondsMax }

  /// A connection ended over it: the next message waits, also while fewer connections would do.
  mutating func rests(configured: Int, now: Int64) {
    notBefore = now + max(Self.onceMilliseconds, pauseMilliseconds(configured: configured))
  }

  mutating func began(configured: Int, now: Int64) { notBefore = now + pauseMilliseconds(configured: configured) }
}
