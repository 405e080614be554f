// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// The upstream's health in the one vocabulary that status, logs and metrics share: ok, slow, paused (with a reason),
/// unreachable, standby.
package struct UpstreamHealth: Sendable, Equatable {
  package var state = "ok"
  /// login, tls or quota, of a pause; admin, if somebody paused it by hand.
  package var reason: String?
  /// What the upstream said, or what was seen instead of an answer.
  package var trouble: UpstreamTrouble?
  /// Monotonic milliseconds.
  package var since: Int64?
  package var nextProbe: Int64?
  package var budget = BudgetState()
  /// nil: it has not asked for less.
  package var pace: Pace?

  package init() {}

  /// Without regard to pauses by hand.
  init(_ breaker: Breaker.State) {
    switch breaker {
    case .closed: return
    case .paused(let trouble, let since, let until):
      self.trouble = trouble
      self.since = since
      nextProbe = until
    case .probing(let trouble, let since):
      self.trouble = trouble
      self.since = since
    }
    if let trouble { (state, reason) = trouble.kind.words }
  }

  /// The secret for the login is missing: no trying helps.
  init(without trouble: UpstreamTrouble, since: Int64) {
    (state, reason) = trouble.kind.words
    self.trouble = trouble
    self.since = since
  }

  /// It was given as much as it may have; there is room again at `until`.
  init(overQuota trouble: UpstreamTrouble, since: Int64, until: Int64) {
    (state, reason) = trouble.kind.words
    self.trouble = trouble
    self.since = since
    nextProbe = until
  }

  /// It is given mail, and less of it than it could be.
  init(slow trouble: UpstreamTrouble, since: Int64) {
    state = "slow"
    self.trouble = trouble
    self.since = since
  }

  /// Somebody paused it, whatever else ails it.
  func pausedByHand(since: Int64) -> UpstreamHealth {
    var health = self
    health.state = "paused"
    health.reason = "admin"
    health.since = since
    health.nextProbe = nil
    return health
  }
}

extension UpstreamTrouble.Kind {
  /// State and reason of an upstream that has this trouble.
  var words: (state: String, reason: String?) {
    switch self {
    case .login, .tls, .quota: ("paused", rawValue)
    case .unreachable, .busy, .broken: ("unreachable", nil)
    }
  }
}
