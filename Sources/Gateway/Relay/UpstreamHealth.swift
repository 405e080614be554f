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
  /// nil: it has none.
  package var quota: QuotaUse?

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
    switch trouble?.kind {
    case .login, .tls, .quota:
      state = "paused"
      reason = trouble?.kind.rawValue
    default:
      state = "unreachable"
    }
  }

  /// The secret for the login is missing: no trying helps.
  init(without trouble: UpstreamTrouble, since: Int64) {
    state = "paused"
    reason = trouble.kind.rawValue
    self.trouble = trouble
    self.since = since
  }

  /// It was given as much as it may have; there is room again at `until`.
  init(overQuota trouble: UpstreamTrouble, since: Int64, until: Int64) {
    state = "paused"
    reason = trouble.kind.rawValue
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
