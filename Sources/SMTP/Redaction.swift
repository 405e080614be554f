// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// Takes our own password out of what an upstream says: some echo the command that they refuse, and their replies are
/// kept, logged and sent to people.
struct Redaction: Sendable {
  /// What to look for: the password, and the forms in which PLAIN and LOGIN send it.
  private let forms: [[UInt8]]

  /// Shorter ones are in half of all texts by chance, and secret from nobody.
  private static let passwordOctetsMin = 4
  /// Too short to hold a password.
  private static let replacement = Array("***".utf8)

  init(_ login: ClientLogin?) {
    guard let login, login.password.octets.count >= Self.passwordOctetsMin else {
      forms = []
      return
    }
    let password = login.password.octets
    let plain = [0] + Array(login.name.utf8) + [0] + password
    forms = [Array(Base64.encode(plain).utf8), Array(Base64.encode(password).utf8), password]
  }

  func apply(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var line = line
    for form in forms {
      var start = line.startIndex
      while let found = Self.first(form, in: line[start...]) {
        line.replaceSubrange(found, with: Self.replacement)
        start = found.lowerBound + Self.replacement.count
      }
    }
    return line
  }

  private static func first(_ form: [UInt8], in line: ArraySlice<UInt8>) -> Range<Int>? {
    var start = line.startIndex
    while line.endIndex - start >= form.count {
      guard let next = line[start...(line.endIndex - form.count)].firstIndex(of: form[0]) else { return nil }
      if line[next..<next + form.count].elementsEqual(form) { return next..<next + form.count }
      start = next + 1
    }
    return nil
  }
}
