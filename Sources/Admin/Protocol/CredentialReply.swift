// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A row of `creds list`: everything about a secret but the secret.
package struct CredentialReply: Sendable, Equatable, Codable {
  package var upstream: String
  /// `password`.
  package var kind: String
  package var login: String?
  /// ok, missing, refused (by the upstream), unused (not tried since the start).
  package var state: String
  /// Where it came from: a file, or `creds set` since the start.
  package var source: String?
  package var set: Timestamp?
  package var setBy: String?
  package var lastSuccess: Timestamp?

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
  }
}

/// What `creds set` came to: the new secret is in force. If the upstream refuses it there is an error in its place.
package struct CredentialChangeReply: Sendable, Equatable, Codable {
  package var upstream: String
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
