// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Text of a data file in which `{name}` stands for what only the admin's file knows.
enum Template {
  static let region = "region"
  static let tenant = "tenant"
  /// The mailbox that we log in as.
  static let account = "account"
  static let accountDomain = "account-domain"
  /// In the place of a user name: the password is the user name too.
  static let password = "password"
  /// The name of an upstream, in advice.
  static let upstream = "upstream"

  static func holds(_ name: String, _ text: String) -> Bool { text.contains("{\(name)}") }

  /// Replaces each `{name}` once; what was put in is not looked at again, and an unknown name stays.
  static func fill(_ text: String, _ variables: [String: String]) -> String {
    var result = ""
    var rest = text[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      result += rest[..<open]
      let name = String(rest[rest.index(after: open)..<close])
      result += variables[name] ?? "{\(name)}"
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }
}
