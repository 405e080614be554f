// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// The LAN users: one line each, `NAME VERIFIER [address=A,@B] [disabled]`; lines that begin with "#" and empty ones are kept.
///
/// A value: the daemon swaps it whole on reload, the console edits it with `edit`. It holds verifiers, never passwords.
package struct UsersFile: Sendable, Equatable {
  package struct User: Sendable, Equatable {
    package let name: String
    package var verifier: SCRAMVerifier
    /// As whom it may send where `[sender] policy = "own"`; a name that is an address needs none.
    package var addresses: [MailboxPattern]
    package var isDisabled: Bool

    /// nil if the name cannot be one.
    package init?(
      name: String, verifier: SCRAMVerifier, addresses: [MailboxPattern] = [], isDisabled: Bool = false
    ) {
      guard UsersFile.isValidName(name) else { return nil }
      self.name = name
      self.verifier = verifier
      self.addresses = addresses
      self.isDisabled = isDisabled
    }
  }

  private enum Line: Sendable, Equatable {
    case comment(String)
    case user(User)
  }

  private var lines: [Line] = []
  private var lineOfName: [String: Int] = [:]

  package init() {}

  /// Reads the text of a file; `path` is for the errors, which never show a line.
  package init(parsing text: String, path: String) throws(ConfigurationErrors) {
    var errors: [ConfigurationError] = []
    var numbers: [String: Int] = [:]
    for (index, line) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let line = String(decoding: line, as: UTF8.self)
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let name = words.first, !name.hasPrefix("#") else {
        lines.append(.comment(line))
        continue
      }
      do throws(LineProblem) {
        let user = try Self.user(words)
        if let other = numbers.updateValue(index + 1, forKey: user.name) {
          throw LineProblem(text: "user '\(Self.shown(user.name))' stands in line \(other) already")
        }
        lineOfName[user.name] = lines.count
        lines.append(.user(user))
      } catch {
        errors.append(ConfigurationError(file: path, line: index + 1, message: error.text, hint: error.hint))
      }
    }
    // What follows the last line end is no line.
    if lines.last == .comment("") { lines.removeLast() }
    if !errors.isEmpty { throw ConfigurationErrors(errors) }
  }

  package static func isValidName(_ name: String) -> Bool {
    (1...ConfigurationLimits.nameOctetsMax).contains(name.utf8.count) && !name.hasPrefix("#")
      && name.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }

  // MARK: Users

  /// In the order of the file.
  package var users: [User] {
    lines.compactMap { if case .user(let user) = $0 { user } else { nil } }
  }

  package var first: User? {
    for case .user(let user) in lines { return user }
    return nil
  }

  package var count: Int { lineOfName.count }

  package func user(named name: String) -> User? {
    guard let line = lineOfName[name], case .user(let user) = lines[line] else { return nil }
    return user
  }

  /// Replaces the user of that name, or adds one at the end.
  package mutating func set(_ user: User) {
    if let line = lineOfName[user.name] {
      lines[line] = .user(user)
    } else {
      lineOfName[user.name] = lines.count
      lines.append(.user(user))
    }
  }

  /// Returns false, and changes nothing, if there is such a user already.
  package mutating func add(_ user: User) -> Bool {
    guard lineOfName[user.name] == nil else { return false }
    set(user)
    return true
  }

  /// Returns false if there is no such user.
  package mutating func remove(_ name: String) -> Bool {
    guard let line = lineOfName.removeValue(forKey: name) else { return false }
    lines.remove(at: line)
    for (other, index) in lineOfName where index > line { lineOfName[other] = index - 1 }
    return true
  }

  package var text: String {
    lines.map { line in
      switch line {
      case .comment(let text): "\(text)\n"
      case .user(let user): "\(user.words.joined(separator: " "))\n"
      }
    }.joined()
  }

  // MARK: Lines

  private struct LineProblem: Error {
    var text: String
    var hint: String?
  }

  /// A word for an error. It may hold a verifier, where the space in front of one is missing.
  private static func shown(_ word: some StringProtocol) -> String {
    guard let start = word.firstRange(of: "SCRAM-SHA-256$")?.lowerBound else { return String(word) }
    return "\(word[..<start])…"
  }

  private static func user(_ words: [Substring]) throws(LineProblem) -> User {
    let name = shown(words[0])
    guard words.count >= 2 else { throw LineProblem(text: "user '\(name)' has no verifier") }
    guard let verifier = SCRAMVerifier(words[1]) else {
      throw LineProblem(
        text: "the verifier of user '\(name)' is not of the form SCRAM-SHA-256$N:SALT$KEY:KEY",
        hint: "set a new password: postern users add \(name)")
    }
    var rest = words.dropFirst(2)
    var addresses: [MailboxPattern] = []
    if let word = rest.first, word.hasPrefix("address=") {
      rest = rest.dropFirst()
      for text in word.dropFirst("address=".count).split(separator: ",", omittingEmptySubsequences: false) {
        guard let pattern = MailboxPattern(String(text)), pattern != .null else {
          throw LineProblem(
            text: "'\(shown(text))' behind user '\(name)' is no address",
            hint: "write address=name@example.com,@example.org")
        }
        addresses.append(pattern)
      }
    }
    let isDisabled = rest.first == "disabled"
    if let word = isDisabled ? rest.dropFirst().first : rest.first {
      throw LineProblem(
        text: "unknown word '\(shown(word))' behind user '\(name)'",
        hint: "only 'address=…', and 'disabled' behind it, may stand there")
    }
    guard let user = User(name: String(words[0]), verifier: verifier, addresses: addresses, isDisabled: isDisabled)
    else {
      throw LineProblem(
        text: "'\(name)' cannot be the name of a user",
        hint: "printable ASCII without space, at most \(ConfigurationLimits.nameOctetsMax) octets")
    }
    return user
  }
}

extension UsersFile.User {
  /// Everything as whom it may send where users may be themselves only.
  package var own: [MailboxPattern] {
    guard let address = Address(name), !address.domain.isEmpty else { return addresses }
    return addresses + [.address(address)]
  }

  fileprivate var words: [String] {
    var words = [name, verifier.text]
    if !addresses.isEmpty { words.append("address=\(addresses.map(\.description).joined(separator: ","))") }
    if isDisabled { words.append("disabled") }
    return words
  }
}
