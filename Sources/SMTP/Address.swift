// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A mailbox as it stands between the angle brackets of MAIL and RCPT (RFC 5321 section 4.1.2), without source route.
///
/// The text is kept as given: a relay must not change the case or the quoting of a local part (RFC 5321 section 2.4).
/// What does not match the grammar never becomes an `Address`, so an address holds no CR, LF, NUL, space outside
/// quotes, or angle bracket outside quotes. Characters beyond ASCII are allowed where RFC 6531 section 3.3 has them, and
/// it is for those who take or send an address to see whether they may stand there; none of them is a control.
package struct Address: Sendable, Hashable, CustomStringConvertible {
  package let text: String
  private let localOctets: Int

  /// RFC 5321 section 4.5.3.1.1 asks for 64; larger local parts exist (VERP, hashes), so we take what a path can hold.
  package static let localOctetsMax = 240
  /// RFC 5321 section 4.5.3.1.2 and RFC 1035 section 2.3.4.
  package static let domainOctetsMax = 255
  package static let labelOctetsMax = 63

  /// Local part as given, with its quotes if it has any.
  package var local: Substring { text.prefix(utf8: localOctets) }
  /// Domain or address literal; empty for `Postmaster` (RFC 5321 section 4.1.1.3).
  package var domain: Substring {
    localOctets == text.utf8.count ? "" : text.suffix(utf8: text.utf8.count - localOctets - 1)
  }

  package var description: String { text }

  /// Octet for octet: whether characters that look alike are the same mailbox is for its domain to say (RFC 6531 section
  /// 3.1), and Swift's strings say so too soon.
  package static func == (one: Address, other: Address) -> Bool {
    one.text == other.text && one.text.utf8.elementsEqual(other.text.utf8)
  }

  /// Any SMTP server takes it; others only with SMTPUTF8.
  package var isASCII: Bool { text.utf8.allSatisfy { $0 < 0x80 } }

  /// nil if the text is no mailbox. `Postmaster` alone, in any case, is one.
  package init?(_ text: String) {
    guard let (address, end) = Self.parse(Array(text.utf8)[...]), end == text.utf8.count else { return nil }
    self = address
  }

  /// For text that was an address when it was stored: the grammar is not looked at again. No domain has an @.
  package init(stored text: String) {
    let octets = text.utf8
    let at = octets.lastIndex(of: UInt8(ascii: "@"))
    self.init(text: text, localOctets: octets.distance(from: octets.startIndex, to: at ?? octets.endIndex))
  }

  private init(text: String, localOctets: Int) {
    self.text = text
    self.localOctets = localOctets
  }

  /// Reads a mailbox at the beginning of `octets`, which may go on behind it; returns it and the index behind it.
  static func parse(_ octets: ArraySlice<UInt8>) -> (Address, Int)? {
    var index = octets.startIndex
    guard scanLocal(octets, &index) else { return nil }
    let localOctets = index - octets.startIndex
    guard localOctets <= localOctetsMax else { return nil }
    guard index < octets.endIndex, octets[index] == UInt8(ascii: "@") else {
      guard let text = harmless(octets[octets.startIndex..<index]), text.lowercased() == "postmaster" else {
        return nil
      }
      return (Address(text: text, localOctets: localOctets), index)
    }
    index += 1
    let domainStart = index
    guard scanDomain(octets, &index), index - domainStart <= domainOctetsMax else { return nil }
    guard let text = harmless(octets[octets.startIndex..<index]) else { return nil }
    return (Address(text: text, localOctets: localOctets), index)
  }

  /// nil if it is not UTF-8, or has a control or a space beyond ASCII.
  private static func harmless(_ octets: ArraySlice<UInt8>) -> String? {
    guard let text = String(validating: octets, as: UTF8.self) else { return nil }
    let isHarmless = text.unicodeScalars.allSatisfy { scalar in
      scalar.isASCII
        || PeerText.isHarmless(scalar) && !scalar.properties.isWhitespace && !scalar.properties.isNoncharacterCodePoint
    }
    return isHarmless ? text : nil
  }

  /// Dot-string or Quoted-string.
  private static func scanLocal(_ octets: ArraySlice<UInt8>, _ index: inout Int) -> Bool {
    guard index < octets.endIndex else { return false }
    if octets[index] == UInt8(ascii: "\"") {
      index += 1
      while index < octets.endIndex {
        switch octets[index] {
        case UInt8(ascii: "\""):
          index += 1
          return true
        case UInt8(ascii: "\\"):
          guard index + 1 < octets.endIndex, (0x20...0x7E).contains(octets[index + 1]) else { return false }
          index += 2
        case 0x20...0x7E, 0x80...0xFF:
          index += 1
        default:
          return false
        }
      }
      return false
    }
    var atomOctets = 0
    while index < octets.endIndex {
      let octet = octets[index]
      if isAtomText(octet) {
        atomOctets += 1
      } else if octet == UInt8(ascii: ".") {
        guard atomOctets > 0 else { return false }
        atomOctets = 0
      } else {
        break
      }
      index += 1
    }
    return atomOctets > 0
  }

  /// Domain of letters, digits, hyphens, underscores (devices use them) and what is beyond ASCII, or an address literal.
  static func scanDomain(_ octets: ArraySlice<UInt8>, _ index: inout Int) -> Bool {
    guard index < octets.endIndex else { return false }
    if octets[index] == UInt8(ascii: "[") {
      guard let close = octets[index...].firstIndex(of: UInt8(ascii: "]")) else { return false }
      let literal = String(decoding: octets[(index + 1)..<close], as: UTF8.self)
      guard AddressLiteral.isValid(literal) else { return false }
      index = close + 1
      return true
    }
    var labelOctets = 0
    var last: UInt8 = 0
    while index < octets.endIndex {
      let octet = octets[index]
      if isLetterOrDigit(octet) || octet == UInt8(ascii: "_") || octet >= 0xC0 {
        labelOctets += 1
      } else if octet >= 0x80 {
        // The rest of a character. Only characters are counted: DNS has another form of such a label.
        guard last >= 0x80 else { return false }
      } else if octet == UInt8(ascii: "-") {
        guard labelOctets > 0 else { return false }
        labelOctets += 1
      } else if octet == UInt8(ascii: ".") {
        guard labelOctets > 0, last != UInt8(ascii: "-") else { return false }
        labelOctets = 0
      } else {
        break
      }
      guard labelOctets <= labelOctetsMax else { return false }
      last = octet
      index += 1
    }
    return labelOctets > 0 && last != UInt8(ascii: "-")
  }

  /// atext of RFC 5322 section 3.2.3.
  private static func isAtomText(_ octet: UInt8) -> Bool {
    isLetterOrDigit(octet) || octet >= 0x80 || atomSpecials.contains(octet)
  }

  private static let atomSpecials: [UInt8] = Array("!#$%&'*+-/=?^_`{|}~".utf8)

  static func isLetterOrDigit(_ octet: UInt8) -> Bool {
    switch octet {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"):
      true
    default: false
    }
  }
}

extension String {
  fileprivate func prefix(utf8 count: Int) -> Substring {
    self[..<utf8.index(utf8.startIndex, offsetBy: count)]
  }

  fileprivate func suffix(utf8 count: Int) -> Substring {
    self[utf8.index(utf8.endIndex, offsetBy: -count)...]
  }
}
