// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Names that the admin chooses for upstreams, listeners, clients and credentials: they become file names, log fields
/// and arguments of the console.
enum Name {
  static let rule = "letters, digits, '-', '_' and '.', not '.' first, at most \(ConfigurationLimits.nameOctetsMax)"

  static func isValid(_ text: String) -> Bool {
    (1...ConfigurationLimits.nameOctetsMax).contains(text.utf8.count) && text.first != "."
      && text.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
  }

  /// A domain name of letters, digits and hyphens (RFC 1035 section 2.3.1, RFC 1123 section 2.1), no address.
  static func isDomain(_ text: String) -> Bool {
    guard text.utf8.count <= ConfigurationLimits.hostnameOctetsMax, IPAddress(text) == nil else { return false }
    return text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
      (1...ConfigurationLimits.labelOctetsMax).contains(label.count)
        && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
        && label.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }
  }

  private static func isAlphanumeric(_ octet: UInt8) -> Bool {
    switch octet {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}

extension ValueReader where Value == String {
  static var name: Self {
    .string("a name", hint: Name.rule) { Name.isValid($0) ? $0 : nil }
  }

  /// Text for a peer: not empty, without controls.
  static func text(octetsMax: Int) -> Self {
    .string("text without control characters, 1-\(octetsMax) octets") { text in
      (1...octetsMax).contains(text.utf8.count) && terminalSafe(text) == text ? text : nil
    }
  }

  /// Where to connect to.
  static var host: Self {
    Self { node, problems in
      guard case .string(let text) = node.value, Name.isDomain(text) || IPAddress(text) != nil else {
        var hint: String?
        if case .string(let text) = node.value, let colon = text.lastIndex(of: ":"),
          let port = Int(text[text.index(after: colon)...]), Name.isDomain(String(text[..<colon]))
        {
          hint = "the port is a key of its own: port = \(port)"
        }
        problems.append(ValueProblem(node, mustBe: "a host name or an address", hint: hint))
        return nil
      }
      return text
    }
  }

  /// Where to listen.
  static var listenAddress: Self {
    .string(#""*" or an address"#) { text in text == "*" ? text : IPAddress(text)?.description }
  }

  /// A path; one that is relative starts at `directory`.
  static func path(from directory: String) -> Self {
    .string("a path") { absolutePath($0, from: directory) }
  }
}

extension ValueReader where Value == String? {
  /// A path, or "" for none.
  static func optionalPath(from directory: String) -> Self {
    .string(#"a path, or """#) { path in
      path.isEmpty ? .some(nil) : absolutePath(path, from: directory).map { .some($0) }
    }
  }
}

extension ValueReader where Value == Network {
  static var network: Self {
    Self { node, problems in
      guard case .string(let text) = node.value else {
        problems.append(ValueProblem(node, mustBe: #"a network such as "192.168.1.0/24""#))
        return nil
      }
      let seen = text.prefix(ConfigurationLimits.seenCharactersMax)
      do throws(NetworkProblem) {
        return try Network(parsing: text)
      } catch {
        switch error {
        case .notAnAddress:
          problems.append(ValueProblem(node, "\(seen) is not an address or network"))
        case .prefix(let family, let from, let through):
          problems.append(ValueProblem(node, "\(seen) is not a network (\(family) prefix is \(from)-\(through))"))
        case .hostBits(let suggestion):
          problems.append(
            ValueProblem(
              node, "\(seen) is not a network (bits are set behind the prefix)",
              hint: "did you mean \(suggestion), or the one address without /?"))
        }
        return nil
      }
    }
  }
}

/// Joins a path to a directory and drops "." and empty parts; ".." stays, since links may lie before it. nil if the
/// path is empty, too long, or holds what no terminal should see.
func absolutePath(_ path: String, from directory: String) -> String? {
  guard !path.isEmpty, terminalSafe(path) == path else { return nil }
  let whole = path.hasPrefix("/") ? path : "\(directory)/\(path)"
  let absolute = "/" + whole.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
  return absolute.utf8.count <= ConfigurationLimits.pathOctetsMax ? absolute : nil
}
