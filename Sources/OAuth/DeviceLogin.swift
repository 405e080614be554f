// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// One sign-in of a person with a code (RFC 8628), from the question for a code to the tokens. Event in, action out, as
/// `TokenLife`; it keeps nothing when it is over.
package struct DeviceLogin: Sendable {
  package enum Action: Sendable, Equatable {
    case wait
    case request(TokenRequest)
    /// To whoever wants to sign in.
    case show(DeviceCode)
    case done(TokenGrant)
    case failed(TokenTrouble)
  }

  private enum State: Equatable {
    case asking
    case offered(DeviceCode, ends: Int64, interval: Int64, next: Int64, isAsking: Bool)
    case over
  }

  private let upstream: String
  private var state = State.asking

  package init(upstream: String) {
    self.upstream = upstream
  }

  package mutating func begin() -> Action { .request(.deviceCode) }

  /// When to call `timePassed`; monotonic milliseconds.
  package var wakeUp: Int64? {
    if case .offered(_, _, _, let next, false) = state { next } else { nil }
  }

  // MARK: events

  package mutating func offered(_ code: DeviceCode, now: Int64) -> Action {
    guard state == .asking else { return .wait }
    let interval = code.intervalSeconds * 1000
    state = .offered(
      code, ends: now + code.lifetimeSeconds * 1000, interval: interval, next: now + interval, isAsking: false)
    return .show(code)
  }

  package mutating func timePassed(now: Int64) -> Action {
    guard case .offered(let code, let ends, let interval, let next, false) = state, next <= now else { return .wait }
    guard now < ends else {
      return fail(TokenTrouble(isLasting: true, "nobody used the code in time: postern creds login \(upstream)"))
    }
    state = .offered(code, ends: ends, interval: interval, next: next, isAsking: true)
    return .request(.deviceToken(code.deviceCode))
  }

  package mutating func received(_ grant: TokenGrant) -> Action {
    guard case .offered = state else { return .wait }
    guard grant.refreshToken != nil else {
      return fail(
        TokenTrouble(
          isLasting: true,
          "the provider gave no refresh token, so the login would end in an hour: the scope lacks offline_access"))
    }
    state = .over
    return .done(grant)
  }

  package mutating func refused(_ refusal: TokenRefusal, now: Int64) -> Action {
    switch (refusal.nature, state) {
    case (.pending, .offered(let code, let ends, let interval, _, _)):
      return pause(code, ends, interval, now)
    case (.slowDown, .offered(let code, let ends, let interval, _, _)):
      // RFC 8628 section 3.5: for this and all later questions.
      return pause(code, ends, interval + 5_000, now)
    case (.passing, .offered(let code, let ends, let interval, _, _)):
      return pause(code, ends, Self.longer(interval), now)
    case (_, .over): return .wait
    default:
      return fail(
        TokenTrouble(isLasting: refusal.nature != .passing, refusal.explained(upstream: upstream)))
    }
  }

  /// RFC 8628 section 3.5: somebody may be signing in all the same; ask less often.
  package mutating func unanswered(_ reason: String, now: Int64) -> Action {
    switch state {
    case .offered(let code, let ends, let interval, _, _): pause(code, ends, Self.longer(interval), now)
    case .asking: fail(TokenTrouble(isLasting: false, reason))
    case .over: .wait
    }
  }

  // MARK: steps

  /// Bounded, because codes are short-lived and somebody waits.
  private static func longer(_ interval: Int64) -> Int64 { max(interval, min(interval * 2, 60_000)) }

  private mutating func pause(_ code: DeviceCode, _ ends: Int64, _ interval: Int64, _ now: Int64) -> Action {
    state = .offered(code, ends: ends, interval: interval, next: now + interval, isAsking: false)
    return .wait
  }

  private mutating func fail(_ trouble: TokenTrouble) -> Action {
    state = .over
    return .failed(trouble)
  }
}
