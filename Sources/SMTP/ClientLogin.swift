// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// What proves to an upstream who we are.
package enum ClientSecret: Sendable, Equatable {
  case password(Secret)
  /// A bearer token of OAuth 2 (RFC 6750), good for an hour or so.
  case token(Secret)
  /// The client certificate that TLS has shown already.
  case certificate

  /// What must not be shown; nil: nothing.
  var octets: [UInt8]? {
    switch self {
    case .password(let secret), .token(let secret): secret.octets
    case .certificate: nil
    }
  }
}

/// How a login is spoken at an upstream (RFC 4422).
package enum ClientMechanism: String, Sendable, CaseIterable {
  case plain = "PLAIN"
  case login = "LOGIN"
  case cramMD5 = "CRAM-MD5"
  case scramSHA256 = "SCRAM-SHA-256"
  case scramSHA256Plus = "SCRAM-SHA-256-PLUS"
  case external = "EXTERNAL"
  case xoauth2 = "XOAUTH2"
  case oauthBearer = "OAUTHBEARER"
}

/// What we log in with at an upstream.
package struct ClientLogin: Sendable, Equatable {
  package var name: String
  package var secret: ClientSecret
  /// nil: the best that the upstream offers.
  package var mechanism: ClientMechanism?

  package init(name: String, secret: ClientSecret, mechanism: ClientMechanism? = nil) {
    self.name = name
    self.secret = secret
    self.mechanism = mechanism
  }

  package init(name: String, password: Secret, mechanism: ClientMechanism? = nil) {
    self.init(name: name, secret: .password(password), mechanism: mechanism)
  }

  package init(name: String, token: Secret, mechanism: ClientMechanism? = nil) {
    self.init(name: name, secret: .token(token), mechanism: mechanism)
  }

  /// The mechanism to use with this upstream; nil if it offers none that we may use.
  func choose(from offered: Set<String>, canBind: Bool) -> ClientMechanism? {
    let wanted = mechanism.map { [$0] } ?? preferred
    return wanted.first { each in
      offered.contains(each.rawValue) && takesSecret(each) && (canBind || each != .scramSHA256Plus)
    }
  }

  /// The best first. CRAM-MD5 is in none: its digest can be guessed at by whoever sees it, and the server must keep the
  /// password itself, so that only an admin may ask for it.
  private var preferred: [ClientMechanism] {
    switch secret {
    case .password:
      // What RFC 4013 would make of other characters is not known here, and only SCRAM asks for it.
      isPrintableASCII ? [.scramSHA256Plus, .scramSHA256, .plain, .login] : [.plain, .login]
    case .token: [.oauthBearer, .xoauth2]
    case .certificate: [.external]
    }
  }

  private var isPrintableASCII: Bool {
    guard case .password(let password) = secret else { return true }
    return (Array(name.utf8) + password.octets).allSatisfy { (0x20...0x7E).contains($0) }
  }

  private func takesSecret(_ mechanism: ClientMechanism) -> Bool {
    switch (mechanism, secret) {
    case (.external, _): true
    case (.xoauth2, .token), (.oauthBearer, .token): true
    case (.xoauth2, _), (.oauthBearer, _): false
    case (_, .password): true
    case (_, .token), (_, .certificate): false
    }
  }
}
