// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// How we speak with one upstream.
package struct ClientPolicy: Sendable, Equatable {
  package enum Security: Sendable, Equatable {
    case implicit
    case startTLS
    case none
  }

  /// Our name in EHLO.
  package var hostname: String
  package var security: Security
  /// nil: no login.
  package var login: ClientLogin?

  package init(hostname: String, security: Security, login: ClientLogin?) {
    self.hostname = hostname
    self.security = security
    self.login = login
  }
}
