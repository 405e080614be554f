// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

extension ValueReader where Value == MailboxPattern {
  /// Of `senders`; the null sender has a key of its own.
  static var sender: Self {
    .string(#""*", an address, "@example.com" or "name@""#) { text in
      MailboxPattern(text).flatMap { $0 == .null ? nil : $0 }
    }
  }

  /// Of a route.
  static var address: Self {
    .string(#""*", an address, "@example.com", "name@", or "<>" for notifications"#) {
      MailboxPattern($0)
    }
  }
}

extension ValueReader where Value == Configuration.ClientPattern {
  /// `names` are those that there are; one without a star must be among them.
  static func client(oneOf names: [String]) -> Self {
    Self { node, problems in
      let expected = "the name of a [[client]], an address or a network"
      guard case .string(let text) = node.value, !text.isEmpty, terminalSafe(text) == text else {
        problems.append(ValueProblem(node, mustBe: expected))
        return nil
      }
      if text.contains("/") || IPAddress(text) != nil {
        return ValueReader<Network>.network.read(node, &problems).map { .network($0) }
      }
      let pattern = TextPattern(text)
      guard text.contains("*") || names.contains(where: pattern.matches) else {
        let near = KnownKeys.nearest(to: text, among: names)
        problems.append(ValueProblem(node, mustBe: expected, hint: near.map { "did you mean \"\($0.name)\"?" }))
        return nil
      }
      return .name(pattern)
    }
  }
}

extension ValueReader where Value == Configuration.Upstream.IPVersion {
  /// 4 and 6 may stand without quotes.
  static var ipVersion: Self {
    Self { node, problems in
      if case .integer(let number) = node.value, let version = Value(rawValue: String(number)) { return version }
      return ValueReader.choice().read(node, &problems)
    }
  }
}

extension ValueReader where Value == IPAddress? {
  /// An address, or "" for none.
  static var optionalIPAddress: Self {
    .string(#"an address of this host, or """#) { text in
      text.isEmpty ? .some(nil) : IPAddress(text).map { .some($0) }
    }
  }
}

extension ValueReader where Value == HTTPSAddress? {
  /// A URL, or "" for none.
  static var optionalURL: Self {
    .string(#"a URL such as "https://login.example.com/token", or """#) { text in
      text.isEmpty ? .some(nil) : HTTPSAddress(text).map { .some($0) }
    }
  }
}

extension ValueReader where Value == String? {
  /// A domain name, or "" for none.
  static var optionalDomain: Self {
    .string(#"a domain name, or """#) { text in
      text.isEmpty ? .some(nil) : Name.isDomain(text) ? .some(text) : nil
    }
  }

  /// Text for a peer, or "" for none.
  static func optionalText(octetsMax: Int) -> Self {
    .string("text without control characters, at most \(octetsMax) octets") { text in
      if text.isEmpty { return .some(nil) }
      return text.utf8.count <= octetsMax && terminalSafe(text) == text ? .some(text) : nil
    }
  }
}

extension ValueReader where Value == String {
  /// SHA-256 of a public key in Base64 (RFC 4648 section 4): 43 digits, of which the last one has two bits to spare, and
  /// one "=".
  static var pin: Self {
    .string("the Base64 of a SHA-256 (44 characters)") { text in
      let digits = text.utf8.dropLast()
      let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
      guard text.utf8.count == 44, text.hasSuffix("="), digits.allSatisfy(alphabet.contains),
        let last = digits.last.flatMap({ alphabet.firstIndex(of: $0) }), last % 4 == 0
      else { return nil }
      return text
    }
  }
}
