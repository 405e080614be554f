// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What holds for every session of a listener.
package struct ServerPolicy: Sendable, Equatable {
  package var hostname: String
  /// STARTTLS is offered while TLS is off.
  package var offersTLS: Bool
  package var messageOctetsMax: UInt64
  package var recipientsMax: Int

  package init(hostname: String, offersTLS: Bool, messageOctetsMax: UInt64, recipientsMax: Int) {
    self.hostname = hostname
    self.offersTLS = offersTLS
    self.messageOctetsMax = messageOctetsMax
    self.recipientsMax = recipientsMax
  }
}

/// What the configuration lets this client do that others may not.
package struct ClientRights: Sendable, Equatable {
  package var mayOmitLogin: Bool
  package var mayOmitTLS: Bool

  package init(mayOmitLogin: Bool = false, mayOmitTLS: Bool = false) {
    self.mayOmitLogin = mayOmitLogin
    self.mayOmitTLS = mayOmitTLS
  }
}
