// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// What we log in with at an upstream.
package struct ClientLogin: Sendable, Equatable {
  package var name: String
  package var password: Secret
  /// nil: the best that the upstream offers.
  package var mechanism: SASLMechanism?

  package init(name: String, password: Secret, mechanism: SASLMechanism? = nil) {
    self.name = name
    self.password = password
    self.mechanism = mechanism
  }

  /// The mechanism to use with this upstream; nil if it offers none that we may use.
  func choose(from offered: Set<String>) -> SASLMechanism? {
    let wanted = mechanism.map { [$0] } ?? [.plain, .login]
    return wanted.first { offered.contains($0.rawValue) }
  }
}

/// The client's side of one AUTH exchange: the AUTH command, then an answer to each `334`.
struct SASLClient: Equatable, Sendable {
  private var pending: [String]
  let command: String

  init(_ login: ClientLogin, mechanism: SASLMechanism) {
    switch mechanism {
    case .plain:
      let message = [0] + Array(login.name.utf8) + [0] + login.password.octets
      command = "AUTH PLAIN \(Base64.encode(message))"
      pending = []
    case .login:
      command = "AUTH LOGIN"
      pending = [Base64.encode(Array(login.name.utf8)), Base64.encode(login.password.octets)]
    }
  }

  /// The next response; nil if the upstream asks for more than the mechanism has.
  mutating func respond() -> String? {
    pending.isEmpty ? nil : pending.removeFirst()
  }
}
