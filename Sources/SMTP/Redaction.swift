// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// Takes our own password or token out of what an upstream says: some echo the command that they refuse, and their
/// replies are kept, logged and sent to people.
struct Redaction: Sendable {
  /// What to look for: the secret, and the forms in which it is sent.
  private let forms: [[UInt8]]

  /// Shorter ones are in half of all texts by chance, and secret from nobody.
  private static let secretOctetsMin = 4
  /// An echo may be cut off anywhere. Of a long form, so much of its beginning is enough to be taken for one.
  private static let headOctets = 24
  /// Too short to hold a password.
  private static let replacement = Array("***".utf8)

  init(_ login: ClientLogin?) {
    guard let login, let secret = login.secret.octets, secret.count >= Self.secretOctetsMin else {
      forms = []
      return
    }
    let sent = SASLClient.initialResponses(with: login) + [secret]
    forms = sent.map { Array(Base64.encode($0).utf8) } + [secret]
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

  /// Where the form, or as much as there is of it, stands first.
  private static func first(_ form: [UInt8], in line: ArraySlice<UInt8>) -> Range<Int>? {
    let head = form.prefix(headOctets)
    var start = line.startIndex
    while line.endIndex - start >= head.count {
      guard let next = line[start...(line.endIndex - head.count)].firstIndex(of: form[0]) else { return nil }
      if line[next..<next + head.count].elementsEqual(head) {
        let length = zip(form, line[next...]).prefix { $0 == $1 }.count
        return next..<next + length
      }
      start = next + 1
    }
    return nil
  }
}
