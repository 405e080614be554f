// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Which addresses are meant: all, one, those of a domain, or those of a local part. Compared without regard to ASCII
/// case, local parts too: no provider tells two accounts apart by case. No regular expressions.
package enum MailboxPattern: Sendable, Hashable, CustomStringConvertible {
  /// "*", the null sender too.
  case any
  /// "<>"
  case null
  /// "a@b"
  case address(Address)
  /// "@b", without its subdomains.
  case domain(String)
  /// "a@"
  case local(String)

  package init?(_ text: String) {
    switch text {
    case "*": self = .any
    case "<>": self = .null
    // Local parts may hold a star, and whoever writes one here means a pattern that there is not.
    case _ where text.contains("*"): return nil
    case _ where text.hasPrefix("@"):
      guard let address = Address("a\(text)") else { return nil }
      self = .domain(String(address.domain))
    case _ where text.hasSuffix("@"):
      guard let address = Address("\(text)a") else { return nil }
      self = .local(String(address.local))
    default:
      guard let address = Address(text), !address.domain.isEmpty else { return nil }
      self = .address(address)
    }
  }

  package var description: String {
    switch self {
    case .any: "*"
    case .null: "<>"
    case .address(let address): address.text
    case .domain(let domain): "@\(domain)"
    case .local(let local): "\(local)@"
    }
  }

  /// nil is the null sender.
  package func matches(_ address: Address?) -> Bool {
    guard let address else { return self == .any || self == .null }
    return switch self {
    case .any: true
    case .null: false
    case .address(let own): isSame(own.text, address.text)
    case .domain(let domain): isSame(domain, address.domain)
    case .local(let local): isSame(local, address.local)
    }
  }
}

/// Octet for octet, without regard to ASCII case.
private func isSame(_ one: some StringProtocol, _ other: some StringProtocol) -> Bool {
  one.utf8.elementsEqual(other.utf8) { lowercased($0) == lowercased($1) }
}

private func lowercased(_ octet: UInt8) -> UInt8 { (0x41...0x5A).contains(octet) ? octet | 0x20 : octet }
