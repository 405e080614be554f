// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Trouble that is the upstream's, not the message's: every message would meet it.
package struct UpstreamTrouble: Sendable, Equatable, Error, CustomStringConvertible {
  package enum Kind: String, Sendable {
    /// No name, no route, no answer, closed early.
    case unreachable
    /// No TLS where TLS is asked for, or a certificate that is not the upstream's.
    case tls
    /// Our login was refused, or cannot be made.
    case login
    /// It asks us to come back later.
    case busy
    /// It takes nothing more of us until some time has passed, or we have sent what we may.
    case quota
    /// It does not speak SMTP as we know it.
    case broken
  }

  package let kind: Kind
  /// Where in the dialogue: connect, greeting, ehlo, starttls, tls, auth, mail, rcpt, data, content.
  package let stage: String
  package let text: PeerText
  /// What the upstream said; nil if it was seen in another way.
  package let reply: Reply?

  package init(_ kind: Kind, at stage: String, _ text: PeerText, _ reply: Reply? = nil) {
    self.kind = kind
    self.stage = stage
    self.text = text
    self.reply = reply
  }

  package init(_ kind: Kind, at stage: String, _ text: String) {
    self.init(kind, at: stage, PeerText(text))
  }

  package var description: String { "\(stage): \(text)" }

  /// The upstream knows name and password, and does not take them. All else may be said of a right password too.
  package var isRefusalOfLogin: Bool { kind == .login && stage == "auth" && reply != nil }
}
