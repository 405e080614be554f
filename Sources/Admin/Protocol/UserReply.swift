// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What a `users` command did to the users file. The client makes it, since the client edits the file.
package struct UserReply: Sendable, Equatable, Codable {
  /// add, passwd, disable, enable, remove.
  package var verb: String
  package var user: String
  /// The user was there; the password is another one now.
  package var replaced: Bool
  package var disabled: Bool
  package var file: String
  /// Only one that was made by us, and only this once.
  package var password: String?
  /// The daemon has taken it over; false: it takes effect at the next start.
  package var live: Bool

  package init(
    verb: String, user: String, replaced: Bool, disabled: Bool, file: String, password: String?, live: Bool
  ) {
    self.verb = verb
    self.user = user
    self.replaced = replaced
    self.disabled = disabled
    self.file = file
    self.password = password
    self.live = live
  }
}

/// A row of `users list`.
package struct LoginReply: Sendable, Equatable, Codable {
  package var user: String
  package var disabled: Bool
  /// Since the daemon started.
  package var lastLogin: Timestamp?
  package var lastAddress: String?

  package init(user: String, disabled: Bool, lastLogin: Timestamp? = nil, lastAddress: String? = nil) {
    self.user = user
    self.disabled = disabled
    self.lastLogin = lastLogin
    self.lastAddress = lastAddress
  }

  private enum CodingKeys: String, CodingKey {
    case user, disabled
    case lastLogin = "last_login"
    case lastAddress = "last_address"
  }
}

package struct VersionReply: Sendable, Equatable, Codable {
  package var version: String

  package init(version: String) { self.version = version }
}
