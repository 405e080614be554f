// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Foreign text on its way into the body of a message that we write. The rest of the program keeps such text harmless
/// already; this target takes plain strings, and does not rely on it.
enum PlainText {
  /// One line that does nothing on a terminal: controls and overrides of the direction become "?", a tab a space.
  static func line(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x09: scalars.append(" ")
      case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: scalars.append("?")
      default: scalars.append(scalar)
      }
    }
    return String(scalars)
  }

  /// The same in printable ASCII, for fields that machines read.
  static func ascii(_ text: String, octetsMax: Int = MailLimits.replyOctetsMax) -> String {
    var octets: [UInt8] = []
    for scalar in text.unicodeScalars {
      if octets.count == octetsMax { break }
      octets.append((0x20...0x7E).contains(scalar.value) ? UInt8(scalar.value) : UInt8(ascii: "?"))
    }
    return String(decoding: octets, as: UTF8.self)
  }

  /// An address as it is, for a field that may hold it.
  static func address(_ text: String) -> String {
    let line = line(text)
    return line.utf8.count <= MailLimits.longAddressOctetsMax ? line : ascii(text)
  }

  /// An address in ASCII, without loss: `\x{HEX}` for what is not, and for what has a meaning there (RFC 6533
  /// section 3).
  static func embedded(_ address: String) -> String {
    var text = ""
    for scalar in line(address).unicodeScalars {
      switch scalar {
      case "\\", "+", "=", " ": text += escaped(scalar)
      case _ where scalar.isASCII: text.unicodeScalars.append(scalar)
      default: text += escaped(scalar)
      }
    }
    return text.utf8.count <= MailLimits.longAddressOctetsMax ? text : ascii(address)
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
  }

  /// Whole words, as many as fit, and "..." for the rest; nil if not even the first one fits.
  static func words(_ text: String, octetsMax: Int) -> String? {
    guard text.utf8.count > octetsMax else { return text }
    var kept = ""
    for word in text.split(separator: " ") {
      guard kept.utf8.count + 1 + word.utf8.count <= octetsMax - 4 else { break }
      kept += kept.isEmpty ? String(word) : " \(word)"
    }
    return kept.isEmpty ? nil : kept + " ..."
  }
}
