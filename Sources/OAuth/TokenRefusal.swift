// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// An authorization server's no (RFC 6749 section 5.2, RFC 8628 section 3.5), or what came in the place of an answer.
package struct TokenRefusal: Error, Sendable, Equatable {
  /// What can come of it.
  package enum Nature: Sendable, Equatable {
    /// Nobody has signed in yet.
    case pending
    /// So too, and we ask too often.
    case slowDown
    /// The server cannot at the moment: it says nothing about us.
    case passing
    /// What we were given holds no more: somebody has to sign in again.
    case grantIsOver
    /// Somebody has to change something here or at the provider; the same request may work then.
    case needsMending
  }

  /// `invalid_client`; "http" if the server gave none.
  package let code: PeerText
  /// The server's own words, one line of them.
  package let text: PeerText
  /// HTTP's.
  package let status: Int

  package init(code: String, text: String, status: Int) {
    self.code = PeerText(code)
    // Microsoft puts trace ids on lines of their own.
    self.text = PeerText(String(text.prefix { !$0.isNewline }.prefix(300)))
    self.status = status
  }

  static func unreadable(_ what: String, status: Int) -> TokenRefusal {
    TokenRefusal(code: "http", text: "http status \(status), \(what)", status: status)
  }

  /// Microsoft's number of the error, as `AADSTS7000222`; what the server says stands behind it.
  package var number: String? {
    guard text.text.hasPrefix("AADSTS") else { return nil }
    let digits = text.text.dropFirst(6).prefix { $0.isASCII && $0.isNumber }
    return digits.isEmpty ? nil : "AADSTS\(digits)"
  }

  package var nature: Nature {
    if let known = KnownRefusals.find(self) { return known.nature }
    // What is no answer of OAuth2 comes from somebody in front of the server, or from one that is being repaired.
    return status == 429 || status >= 500 || code.text == "http" ? .passing : .needsMending
  }

  /// What it means and what to type, in one line, for the admin of this upstream.
  package func explained(upstream: String) -> String {
    let said = text.text.isEmpty ? "\(code)" : code.text == "http" ? "\(text)" : "\(code): \(text)"
    guard let known = KnownRefusals.find(self) else { return said }
    let remedy = known.remedy.map { "; " + $0.replacing("NAME", with: upstream) } ?? ""
    return "\(known.cause)\(remedy) (\(number ?? code.text))"
  }
}

/// Why no token can be had now; what a login meets in its place.
package struct TokenTrouble: Error, Sendable, Equatable {
  /// True: only somebody can end it. False: it may pass.
  package var isLasting: Bool
  package var text: PeerText

  package init(isLasting: Bool, _ text: String) {
    self.isLasting = isLasting
    self.text = PeerText(text)
  }
}
