// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// The upstream's health in the one vocabulary that status, logs and metrics share: ok, paused (with a reason),
/// unreachable.
package struct UpstreamHealth: Sendable, Equatable {
  package var state = "ok"
  /// login or tls, of a pause.
  package var reason: String?
  /// What the upstream said, or what was seen instead of an answer.
  package var trouble: UpstreamTrouble?
  /// Monotonic milliseconds.
  package var since: Int64?
  package var nextProbe: Int64?

  package init() {}

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
    case .login, .tls:
      state = "paused"
      reason = trouble?.kind.rawValue
    default:
      state = "unreachable"
    }
  }
}
