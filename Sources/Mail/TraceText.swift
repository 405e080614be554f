// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Turns foreign text into the few forms that a trace field may hold. Peers choose these texts, and other programs take
/// decisions on trace fields: what does not fit its form exactly is replaced or left out, never escaped.
enum TraceText {
  /// The text when it is a domain, or an address literal, in RFC 5321's form (underscores too: devices use them).
  static func domain(_ text: String) -> String? {
    isDomain(text.utf8) || isAddressLiteral(text.utf8) ? text : nil
  }

  /// `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 section 4.1.3) from an address as the socket layer prints it.
  static func addressLiteral(_ address: String) -> String? {
    var address = address.utf8.prefix { $0 != UInt8(ascii: "%") }
    if address.starts(with: "::ffff:".utf8), address.contains(UInt8(ascii: ".")) { address = address.dropFirst(7) }
    guard isAddress(address) else { return nil }
    let prefix = address.contains(UInt8(ascii: ":")) ? "IPv6:" : ""
    return "[\(prefix)\(Substring(address))]"
  }

  /// Letters, digits and `-._:` for a comment, everything else as question marks: no parenthesis, quote or bracket, so
  /// that nothing in it can be taken for structure or for an address that we vouch for.
  static func commentWord(_ text: String) -> String {
    var octets: [UInt8] = []
    for octet in text.utf8.prefix(MailLimits.commentOctetsMax) {
      octets.append(isCommentOctet(octet) ? octet : UInt8(ascii: "?"))
    }
    return String(decoding: octets, as: UTF8.self)
  }

  /// The same for several words, one space between them; empty when there is none.
  static func commentWords(_ text: String) -> String {
    var octets: [UInt8] = []
    for octet in text.utf8.prefix(MailLimits.commentOctetsMax) {
      if octet != UInt8(ascii: " ") {
        octets.append(isCommentOctet(octet) ? octet : UInt8(ascii: "?"))
      } else if let last = octets.last, last != octet {
        octets.append(octet)
      }
    }
    if octets.last == UInt8(ascii: " ") { octets.removeLast() }
    return String(decoding: octets, as: UTF8.self)
  }

  /// Letters, digits and hyphens, question marks for everything else: an atom wherever one is asked for.
  static func atom(_ text: String) -> String {
    var octets: [UInt8] = []
    for octet in text.utf8.prefix(MailLimits.commentOctetsMax) {
      octets.append(isAlphanumeric(octet) || octet == UInt8(ascii: "-") ? octet : UInt8(ascii: "?"))
    }
    return String(decoding: octets, as: UTF8.self)
  }

  /// The text when it is a mailbox with a dot-string as local part. A quoted one is legal too, but a clause that is
  /// optional is not worth the risk of a reader that gets quoting wrong.
  static func mailbox(_ text: String) -> String? {
    let octets = text.utf8
    guard octets.count <= MailLimits.mailboxOctetsMax, let at = octets.lastIndex(of: UInt8(ascii: "@")),
      isDotted(octets[..<at], where: isAtomOctet)
    else { return nil }
    let domain = octets[octets.index(after: at)...]
    return isDomain(domain) || isAddressLiteral(domain) ? text : nil
  }

  private static func isDomain(_ octets: some Collection<UInt8>) -> Bool {
    octets.count <= MailLimits.domainOctetsMax
      && isDotted(octets) { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
  }

  private static func isAddressLiteral(_ octets: some BidirectionalCollection<UInt8>) -> Bool {
    octets.first == UInt8(ascii: "[") && octets.last == UInt8(ascii: "]") && isAddress(octets.dropFirst().dropLast())
  }

  private static func isAddress(_ text: some Collection<UInt8>) -> Bool {
    let digits = text.starts(with: "IPv6:".utf8) ? text.dropFirst(5) : text.dropFirst(0)
    let isVersion6 = digits.contains(UInt8(ascii: ":"))
    return (1...MailLimits.addressOctetsMax).contains(digits.count)
      && digits.allSatisfy { octet in
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."): true
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: ":"): isVersion6
        default: false
        }
      }
  }

  /// Parts with dots between them, none empty.
  private static func isDotted(_ octets: some Collection<UInt8>, where isAllowed: (UInt8) -> Bool) -> Bool {
    var isPartEmpty = true
    for octet in octets {
      if octet == UInt8(ascii: ".") {
        guard !isPartEmpty else { return false }
        isPartEmpty = true
      } else {
        guard isAllowed(octet) else { return false }
        isPartEmpty = false
      }
    }
    return !isPartEmpty
  }

  private static func isAlphanumeric(_ octet: UInt8) -> Bool {
    switch octet {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    default: false
    }
  }

  private static func isCommentOctet(_ octet: UInt8) -> Bool {
    switch octet {
    case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"): true
    default: isAlphanumeric(octet)
    }
  }

  /// `atext` of RFC 5322 section 3.2.3.
  private static func isAtomOctet(_ octet: UInt8) -> Bool {
    isAlphanumeric(octet) || "!#$%&'*+-/=?^_`{|}~".utf8.contains(octet)
  }
}
