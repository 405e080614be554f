// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

@testable import Configuration

extension FuzzTarget {
  /// The users file: what is read is written, and read again as the same.
  static let users = FuzzTarget(name: "users", octetsMax: 1_024) { octets in
    // A verifier is long, and nobody finds one by chance.
    let text = String(decoding: octets, as: UTF8.self).replacing("@@", with: verifier)
    do throws(ConfigurationErrors) {
      let file = try UsersFile(parsing: text, path: "users")
      let again = try UsersFile(parsing: file.text, path: "users")
      check(again.users == file.users && again.text == file.text, "written as \(file.text)")
      for user in file.users {
        check(file.user(named: user.name) == user && UsersFile.isValidName(user.name), "nobody is \(user.name)")
        var other = file
        check(other.remove(user.name) && other.user(named: user.name) == nil, "\(user.name) stays")
        check(other.count == file.count - 1, "others go with \(user.name)")
        check(other.add(user) && other.user(named: user.name) == user, "\(user.name) does not come back")
      }
    } catch {
      check(!error.errors.isEmpty, "no error")
      check(!error.description.contains(verifier), "a verifier is shown: \(error)")
      isPlain(error)
    }
  }

  /// What an admin sees does nothing on his terminal.
  static func isPlain(_ errors: ConfigurationErrors) {
    for scalar in errors.description.unicodeScalars where scalar != "\n" {
      check(scalar.properties.generalCategory != .control && !scalar.properties.isBidiControl, "says \(errors)")
    }
  }

  private static let verifier =
    SCRAMVerifier(password: Array("s3cret".utf8), salt: Array("saltsalt".utf8), iterations: 4_096).text
}
