// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The upstream's health for those who may not enter the dispatcher's event loop. The dispatcher writes it.
package final class HealthBoard: Sendable {
  private struct State {
    var health = UpstreamHealth()
    var login = LoginRecord()
  }

  /// How our login at the upstream fared since the start.
  struct LoginRecord: Sendable {
    /// Wall milliseconds; nil: never.
    var lastSuccess: Int64?
    /// With the secret that is in force.
    var isProven = false
  }

  private let state = Mutex(State())

  package init() {}

  package var current: UpstreamHealth { state.withLock { $0.health } }
  var login: LoginRecord { state.withLock { $0.login } }

  func publish(_ new: UpstreamHealth) {
    state.withLock { $0.health = new }
  }

  func loginAccepted(at wall: Int64) {
    state.withLock { $0.login = LoginRecord(lastSuccess: wall, isProven: true) }
  }

  /// The secret is another one from now on.
  func loginReplaced() {
    state.withLock { $0.login.isProven = false }
  }

  /// The upstream is another one from now on.
  func forgetLogin() {
    state.withLock { $0.login = LoginRecord() }
  }
}
