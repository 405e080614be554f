// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The two forms in which parameters of MAIL and RCPT carry text that a command line could not hold as it is. Both are
/// read strictly, and what they decode to has no control: it may stand in a report or on a terminal.
enum Xtext {
  /// `+XX` for an octet (RFC 3461 section 4). nil if it is none, or if it stands for anything but printable ASCII.
  static func decoded(_ text: some StringProtocol) -> String? {
    let octets = Array(text.utf8)
    var decoded: [UInt8] = []
    var index = 0
    while index < octets.count {
      var octet = octets[index]
      if octet == UInt8(ascii: "+") {
        guard index + 2 < octets.count, let high = upperHex(octets[index + 1]), let low = upperHex(octets[index + 2])
        else { return nil }
        octet = high << 4 | low
        index += 2
        guard (0x20...0x7E).contains(octet) else { return nil }
      } else {
        guard (0x21...0x7E).contains(octet), octet != UInt8(ascii: "=") else { return nil }
      }
      decoded.append(octet)
      index += 1
    }
    return String(decoding: decoded, as: UTF8.self)
  }

  /// `\x{HEX}` for a character, others beyond ASCII as they are (RFC 6533 section 3). nil if it is none, or if it
  /// stands for a control.
  static func decodedUnicode(_ text: some StringProtocol) -> String? {
    var decoded = String.UnicodeScalarView()
    var rest = Substring(text).unicodeScalars
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\\":
        guard rest.popFirst() == "x", rest.popFirst() == "{", let end = rest.firstIndex(of: "}") else { return nil }
        let digits = Substring(rest[..<end])
        rest = rest[rest.index(after: end)...]
        guard (2...6).contains(digits.utf8.count), digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }),
          let embedded = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init), PeerText.isHarmless(embedded)
        else { return nil }
        decoded.append(embedded)
      case "+", "=": return nil
      default:
        guard scalar != " ", PeerText.isHarmless(scalar) else { return nil }
        decoded.append(scalar)
      }
    }
    return String(decoded)
  }

  /// The second form for commands that hold only ASCII.
  static func embedded(_ text: some StringProtocol) -> String {
    var octets = ""
    for scalar in text.unicodeScalars {
      if scalar.isASCII {
        octets.unicodeScalars.append(scalar)
      } else {
        octets += "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
      }
    }
    return octets
  }

  private static func upperHex(_ octet: UInt8) -> UInt8? {
    switch octet {
    case 0x30...0x39: octet - 0x30
    case 0x41...0x46: octet - 0x37
    default: nil
    }
  }
}
