// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A row of `creds list`: everything about a secret but the secret.
package struct CredentialReply: Sendable, Equatable, Codable {
  package var upstream: String
  /// `password`, `client secret`, `client certificate`, `device login`.
  package var kind: String
  package var login: String?
  /// ok, missing, refused (by the upstream), unused (not tried since the start).
  package var state: String
  /// Where it came from: a file, or `creds set` since the start.
  package var source: String?
  package var set: Timestamp?
  package var setBy: String?
  package var lastSuccess: Timestamp?
  /// Who signed in, as far as the token says; of a device login.
  package var account: String?
  /// When the provider last gave something for the sign-in.
  package var renewed: Timestamp?
  /// When the token in hand ends; a new one is got by itself.
  package var tokenEnds: Timestamp?
  /// When it ends for good; of a certificate.
  package var ends: Timestamp?
  /// Why no token can be had.
  package var trouble: String?

  package init(
    upstream: String, kind: String, login: String?, state: String, source: String? = nil, set: Timestamp? = nil,
    setBy: String? = nil, lastSuccess: Timestamp? = nil
  ) {
    self.upstream = upstream
    self.kind = kind
    self.login = login
    self.state = state
    self.source = source
    self.set = set
    self.setBy = setBy
    self.lastSuccess = lastSuccess
  }

  private enum CodingKeys: String, CodingKey {
    case upstream, kind, login, state, source, set
    case setBy = "set_by"
    case lastSuccess = "last_success"
    case account, renewed, ends, trouble
    case tokenEnds = "token_ends"
  }
}

/// What a secret is, if it is not the password; as it is written on the wire and behind `--`.
package enum CredentialKind: String, Sendable, CaseIterable {
  case clientSecret = "client-secret"
  case clientCertificate = "client-certificate"
  case refreshToken = "refresh-token"
}

/// What `creds set` came to: the new secret is in force. If the upstream refuses it there is an error in its place.
package struct CredentialChangeReply: Sendable, Equatable, Codable {
  package var upstream: String
  /// What was done: nil is `creds set`; else login or test.
  package var verb: String?
  /// Who signed in, as far as the provider says.
  package var account: String?
  /// `gmail.password`.
  package var credential: String
  package var tested: Bool
  /// What the upstream answered to the login, if it was tested.
  package var reply: String?
  package var milliseconds: Int?
  /// Messages that wait for this upstream and may leave now.
  package var released: Int
  /// In force in a running daemon.
  package var live: Bool
  /// Where the client has stored it.
  package var stored: String?
  /// What is left to do for it to stay; a sentence each.
  package var notes: [String]?

  package init(
    upstream: String, credential: String, tested: Bool, reply: String? = nil, milliseconds: Int? = nil, released: Int,
    live: Bool, stored: String? = nil, notes: [String]? = nil
  ) {
    self.upstream = upstream
    self.credential = credential
    self.tested = tested
    self.reply = reply
    self.milliseconds = milliseconds
    self.released = released
    self.live = live
    self.stored = stored
    self.notes = notes
  }
}

/// What to do in a browser for `creds login`. What becomes of it is asked for next.
package struct SignInReply: Sendable, Equatable, Codable {
  package var upstream: String
  package var address: String
  package var code: String
  package var ends: Timestamp

  package init(upstream: String, address: String, code: String, ends: Timestamp) {
    self.upstream = upstream
    self.address = address
    self.code = code
    self.ends = ends
  }
}
