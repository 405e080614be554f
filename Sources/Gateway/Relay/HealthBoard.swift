// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The health of each upstream, by name, for those who may not enter the dispatcher's event loop. The dispatcher writes
/// it.
package final class HealthBoard: Sendable {
  private struct Entry {
    var health = UpstreamHealth()
    var login = LoginRecord()
    var security: SecurityRecord?
  }

  /// The TLS of the connection that was made last, under the settings that are in force.
  struct SecurityRecord: Sendable {
    var security: ConnectionSecurity
    /// Wall milliseconds.
    var seen: Int64
  }

  /// How our login at an upstream fared since the start.
  struct LoginRecord: Sendable {
    /// Wall milliseconds; nil: never.
    var lastSuccess: Int64?
    /// With the secret that is in force.
    var isProven = false
  }

  private let entries = Mutex<[String: Entry]>([:])

  package init() {}

  /// One that was never heard of is ok.
  package subscript(upstream: String) -> UpstreamHealth { entry(upstream).health }

  func login(at upstream: String) -> LoginRecord { entry(upstream).login }

  /// nil: no connection has come behind its handshake.
  func security(of upstream: String) -> SecurityRecord? { entry(upstream).security }

  private func entry(_ upstream: String) -> Entry { entries.withLock { $0[upstream] } ?? Entry() }

  func publish(_ health: UpstreamHealth, of upstream: String) {
    entries.withLock { $0[upstream, default: Entry()].health = health }
  }

  func loginAccepted(at upstream: String, wall: Int64) {
    entries.withLock { $0[upstream, default: Entry()].login = LoginRecord(lastSuccess: wall, isProven: true) }
  }

  func secured(by security: ConnectionSecurity?, at upstream: String, wall: Int64) {
    entries.withLock {
      $0[upstream, default: Entry()].security = security.map { SecurityRecord(security: $0, seen: wall) }
    }
  }

  /// What was seen was seen under other settings.
  func forgetSecurity(of upstream: String) {
    entries.withLock { $0[upstream]?.security = nil }
  }

  /// The secret is another one from now on.
  func loginReplaced(at upstream: String) {
    entries.withLock { $0[upstream]?.login.isProven = false }
  }

  /// There is no such upstream any more, or it is another one of that name.
  func forget(_ upstream: String) {
    entries.withLock { $0[upstream] = nil }
  }
}
