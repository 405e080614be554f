// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// A user name and password that a client sent, to be checked against the users file.
package struct LoginAttempt: Sendable, Equatable {
  package let name: String
  package let password: Secret
  package let mechanism: SASLMechanism

  package init(name: String, password: Secret, mechanism: SASLMechanism) {
    self.name = name
    self.password = password
    self.mechanism = mechanism
  }
}

package enum SASLMechanism: String, Sendable, CaseIterable {
  case plain = "PLAIN"
  case login = "LOGIN"
}

/// The server's side of one AUTH exchange (RFC 4954, RFC 4616, draft-murchison-sasl-login). It knows the form of the
/// mechanism, not whether a password is right.
struct SASLServer: Equatable, Sendable {
  enum Step: Equatable {
    /// Send `334` and this challenge, already in base64.
    case challenge(String)
    case verify(LoginAttempt)
    case refuse(Reply)
  }

  private enum State: Equatable {
    case awaitingPlain
    case awaitingName
    case awaitingPassword(name: [UInt8])
  }

  private let mechanism: SASLMechanism
  private var state: State

  init(_ mechanism: SASLMechanism) {
    self.mechanism = mechanism
    state = mechanism == .plain ? .awaitingPlain : .awaitingName
  }

  /// The AUTH command; nil if it had no initial response. `=` stands for an empty one (RFC 4954 section 4).
  mutating func begin(_ initialResponse: String?) -> Step {
    guard let initialResponse else { return .challenge(mechanism == .plain ? "" : "VXNlcm5hbWU6") }
    return received(initialResponse == "=" ? [] : Array(initialResponse.utf8))
  }

  /// A response line without CRLF.
  mutating func received(_ line: some Collection<UInt8>) -> Step {
    if line.elementsEqual([UInt8(ascii: "*")]) { return .refuse(.loginCancelled) }
    guard let response = Base64.decode(line) else { return .refuse(.notBase64) }
    switch state {
    case .awaitingPlain:
      return plain(response)
    case .awaitingName:
      state = .awaitingPassword(name: response)
      return .challenge("UGFzc3dvcmQ6")
    case .awaitingPassword(let name):
      return attempt(name: name, password: response)
    }
  }

  /// `[authzid] NUL authcid NUL passwd` (RFC 4616 section 2). Acting for somebody else is not offered.
  private func plain(_ message: [UInt8]) -> Step {
    let parts = message.split(separator: 0, omittingEmptySubsequences: false)
    guard parts.count == 3 else { return .refuse(.loginMalformed) }
    guard parts[0].isEmpty || parts[0] == parts[1] else { return .refuse(.loginRejected) }
    return attempt(name: Array(parts[1]), password: Array(parts[2]))
  }

  /// Names and passwords are printable ASCII, so no preparation (RFC 4013) can make two of them equal.
  private func attempt(name: [UInt8], password: [UInt8]) -> Step {
    guard !name.isEmpty, !password.isEmpty else { return .refuse(.loginRejected) }
    guard name.allSatisfy({ (0x21...0x7E).contains($0) }), password.allSatisfy({ (0x20...0x7E).contains($0) }) else {
      return .refuse(.loginRejected)
    }
    return .verify(
      LoginAttempt(name: String(decoding: name, as: UTF8.self), password: Secret(password), mechanism: mechanism))
  }
}
