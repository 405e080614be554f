// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

@testable import Mail
@testable import SMTP

extension FuzzTarget {
  /// A mailbox, held to a second reading of the grammar that is written for clarity; then what else reads addresses.
  static let addresses = FuzzTarget(name: "addresses", octetsMax: 640) { octets in
    guard let text = String(validating: octets, as: UTF8.self) else {
      check(Address.parse(octets[...]).map { $0.1 } != octets.count, "an address that is not UTF-8")
      return
    }
    let address = Address(text)
    check((address != nil) == ReadMailbox.isMailbox(text), "\(text.debugDescription) is read as \(address as Any)")
    _ = MailboxPattern(text)
    _ = TraceText.mailbox(text)
    guard let address else { return }
    check(address.text.utf8.elementsEqual(text.utf8), "changed to \(address)")
    let parts = "\(address.local)\(address.domain.isEmpty ? "" : "@")\(address.domain)"
    check(parts.utf8.elementsEqual(text.utf8), "falls apart to \(parts)")
    check(PeerText(text).text.utf8.elementsEqual(text.utf8.prefix(PeerText.octetsMax)), "holds a control")
    if let pattern = MailboxPattern(text) { check(pattern.matches(address), "does not match itself") }
  }
}

/// RFC 5321 section 4.1.2 with RFC 6531 section 3.3, and what we allow beyond, on whole strings.
private enum ReadMailbox {
  static func isMailbox(_ text: String) -> Bool {
    let octets = Array(text.utf8)
    if octets.count == 10, text.lowercased() == "postmaster" { return true }
    guard let at = place(octets) else { return false }
    let (local, domain) = (octets[..<at], octets[(at + 1)...])
    return (1...240).contains(local.count) && isLocal(Array(local)) && isDomain(Array(domain)) && isVisible(text)
  }

  /// Where the `@` between local part and domain stands: the first one outside quotes.
  private static func place(_ octets: [UInt8]) -> Int? {
    guard octets.first == 0x22 else { return octets.firstIndex(of: 0x40) }
    var index = 1
    while index < octets.count, octets[index] != 0x22 { index += octets[index] == 0x5C ? 2 : 1 }
    return index + 1 < octets.count && octets[index + 1] == 0x40 ? index + 1 : nil
  }

  private static func isLocal(_ local: [UInt8]) -> Bool {
    if local.first == 0x22 {
      let inside = local.dropFirst().dropLast()
      var isEscaped = false
      for octet in inside {
        guard octet >= 0x20, octet != 0x7F, !isEscaped || octet < 0x80 else { return false }
        isEscaped = !isEscaped && octet == 0x5C
      }
      return !isEscaped
    }
    let words = local.split(separator: 0x2E, omittingEmptySubsequences: false)
    let special = Set("()<>[]:;@\\,\" ".utf8)
    return words.allSatisfy { word in
      !word.isEmpty && word.allSatisfy { $0 > 0x20 && $0 != 0x7F && !special.contains($0) }
    }
  }

  private static func isDomain(_ domain: [UInt8]) -> Bool {
    guard domain.count <= 255 else { return false }
    if domain.first == 0x5B {
      guard domain.last == 0x5D, domain.count > 2 else { return false }
      return isLiteral(String(decoding: domain.dropFirst().dropLast(), as: UTF8.self))
    }
    return String(decoding: domain, as: UTF8.self).unicodeScalars.split(
      separator: ".", omittingEmptySubsequences: false
    ).allSatisfy { label in
      (1...63).contains(label.count) && label.first != "-" && label.last != "-"
        && label.allSatisfy { scalar in
          !scalar.isASCII || scalar == "-" || scalar == "_"
            || Character(scalar).isLetter || Character(scalar).isNumber
        }
    }
  }

  /// What the C library takes for an address; digits of an IPv4 one may have zeros in front.
  static func isLiteral(_ text: String) -> Bool {
    guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return false }
    if text.count > 5, text.prefix(5).lowercased() == "ipv6:" {
      var digits = String(text.dropFirst(5))
      if digits.contains(".") {
        guard let colon = digits.lastIndex(of: ":"), let tail = plain(digits[digits.index(after: colon)...]) else {
          return false
        }
        digits = digits[...colon] + tail
      }
      var address = in6_addr()
      return inet_pton(AF_INET6, digits, &address) == 1
    }
    return plain(text[...]) != nil
  }

  private static func plain(_ text: Substring) -> String? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.allSatisfy({ (1...3).contains($0.count) }) else { return nil }
    let digits = parts.map { part in
      let digits = part.drop { $0 == "0" }
      return digits.isEmpty ? "0" : String(digits)
    }.joined(separator: ".")
    var address = in_addr()
    return inet_pton(AF_INET, digits, &address) == 1 ? digits : nil
  }

  private static func isVisible(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      scalar.isASCII
        || !scalar.properties.isWhitespace && !scalar.properties.isNoncharacterCodePoint
          && scalar.properties.generalCategory != .control && !scalar.properties.isBidiControl
          && ![0x2028, 0x2029].contains(scalar.value)
    }
  }
}
