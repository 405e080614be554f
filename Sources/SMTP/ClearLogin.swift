// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// A login that a client tried without TLS. It was refused unread, but whoever listens on the way has read it: a password
/// that came along is nobody's secret any more. Made by `ServerSession`; it never holds the password.
package struct ClearLogin: Sendable, Equatable {
  /// nil: one that we do not know.
  package let mechanism: SASLMechanism?
  /// As sent. It may be anything, also a password in the wrong field: to be told only if there is such a user.
  package let name: String?
  package let isPasswordSent: Bool

  package init(mechanism: SASLMechanism?, name: String?, isPasswordSent: Bool) {
    self.mechanism = mechanism
    self.name = name
    self.isPasswordSent = isPasswordSent
  }

  /// Of an AUTH command as it came.
  init(mechanism: String, initialResponse: String?) {
    let response = initialResponse.flatMap { Base64.decode($0.utf8) } ?? []
    switch SASLMechanism(rawValue: mechanism) {
    case .plain:
      let parts = response.split(separator: 0, omittingEmptySubsequences: false)
      let isWhole = parts.count == 3
      self.init(
        mechanism: .plain, name: isWhole ? String(decoding: parts[1], as: UTF8.self) : nil,
        isPasswordSent: isWhole && !parts[2].isEmpty)
    case .login:
      self.init(
        mechanism: .login, name: response.isEmpty ? nil : String(decoding: response, as: UTF8.self),
        isPasswordSent: false)
    case let other:
      self.init(mechanism: other, name: nil, isPasswordSent: false)
    }
  }
}
