// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// The health of the upstream: open while it works, closed for a growing time when it does not, then one probe.
///
/// Trouble of the upstream is kept here, so no message fails for it. Only the message at which an upstream hung up or
/// said 421 is deferred besides, so that the next one leads.
/// All times are monotonic milliseconds.
struct Breaker: Sendable {
  enum State: Sendable {
    case closed
    /// Nothing is tried before `until`.
    case paused(UpstreamTrouble, since: Int64, until: Int64)
    /// One connection finds out.
    case probing(UpstreamTrouble, since: Int64)
  }

  private(set) var state = State.closed
  private var failures = 0
  /// Since when pauses grow with the time.
  private var absentSince: Int64?
  /// Connections that may be open while it is not known how much an upstream bears that was ill until now; nil: as many
  /// as are configured.
  private var ramp: Int?

  private static let pauseSecondsMax: Int64 = 300
  private static let absentPauseMillisecondsMin: Int64 = 1000
  /// Where nobody answers, a pause is so much of the time that this has lasted.
  private static let absentShare: Int64 = 4

  /// In milliseconds: a login that is refused again and again locks accounts, so it is tried five times an hour at
  /// most; a quota has room again after hours; everything else is looked at soon. Where nobody is, a try costs nobody
  /// anything: mail is late by a part of the outage, and a short one is hardly seen.
  private mutating func pauseMilliseconds(_ trouble: UpstreamTrouble, now: Int64) -> Int64 {
    guard !trouble.isAbsence else {
      let since = absentSince ?? now
      absentSince = since
      return min(
        max((now - since) / Self.absentShare, Self.absentPauseMillisecondsMin), Self.pauseSecondsMax * 1000)
    }
    absentSince = nil
    let (first, most): (Int64, Int64) =
      switch trouble.kind {
      case .login: (720, 3600)
      case .quota: (900, 3600)
      case .unreachable, .tls, .busy, .broken: (5, Self.pauseSecondsMax)
      }
    return min(first << min(failures, 10), most) * 1000
  }

  /// The upstream is not known to be ill.
  var isClosed: Bool {
    if case .closed = state { true } else { false }
  }

  /// Nobody answers, and has not since before what was seen last.
  var isAbsent: Bool { absentSince != nil }

  /// What was seen last, unless all is well.
  var trouble: UpstreamTrouble? {
    switch state {
    case .closed: nil
    case .paused(let trouble, _, _), .probing(let trouble, _): trouble
    }
  }

  /// Connections that may be open now.
  func connectionsMax(_ configured: Int, now: Int64) -> Int {
    switch state {
    case .closed: min(configured, ramp ?? configured)
    case .probing: 1
    case .paused(_, _, let until): now >= until ? 1 : 0
    }
  }

  /// When to look again by itself.
  var nextProbe: Int64? {
    if case .paused(_, _, let until) = state { until } else { nil }
  }

  /// A pause is over and a probe begins.
  mutating func probe() {
    if case .paused(let trouble, let since, _) = state { state = .probing(trouble, since: since) }
  }

  /// `jitter` is any number: it moves the pause by up to a fifth either way, so that gateways do not probe in step.
  /// Returns the length of the pause in seconds, 1 if it is shorter.
  mutating func tripped(_ trouble: UpstreamTrouble, now: Int64, jitter: UInt64) -> Int64 {
    let since =
      switch state {
      case .closed: now
      case .paused(_, let since, _), .probing(_, let since): since
      }
    let milliseconds = pauseMilliseconds(trouble, now: now)
    // These are many, and say nothing about one that answers.
    if !trouble.isAbsence { failures += 1 }
    let shifted = milliseconds + (Int64(jitter % 401) - 200) * milliseconds / 1000
    ramp = nil
    state = .paused(trouble, since: since, until: now + shifted)
    return max(1, shifted / 1000)
  }

  /// The upstream works: one connection may be open, and more with each message that it deals with. Returns how long it
  /// did not work, in milliseconds; nil if it always did.
  mutating func healed(now: Int64) -> Int64? {
    defer {
      state = .closed
      failures = 0
      absentSince = nil
    }
    switch state {
    case .closed: return nil
    case .paused(_, let since, _), .probing(_, let since):
      ramp = 1
      return now - since
    }
  }

  /// The upstream took or refused a message. Each makes room for one connection more, so with each round of messages
  /// there are twice as many. True if one more may open than before.
  mutating func dealt(configured: Int) -> Bool {
    guard isClosed, let ramp else { return false }
    self.ramp = ramp + 1 < configured ? ramp + 1 : nil
    return ramp < configured
  }

  /// The admin changed something: probe at once, and begin again with short pauses.
  mutating func reset(now: Int64) {
    failures = 0
    absentSince = nil
    if case .paused(let trouble, let since, _) = state { state = .paused(trouble, since: since, until: now) }
  }
}

extension UpstreamTrouble {
  /// Nobody was there to say a word, so nobody minds being asked again.
  fileprivate var isAbsence: Bool {
    kind == .unreachable && reply == nil && (stage == "connect" || stage == "greeting")
  }
}
