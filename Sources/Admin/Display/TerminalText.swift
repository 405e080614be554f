// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Makes text from peers and files harmless on a terminal. Everything `postern` prints passes here: a subject of an
/// attack is the person who reads the queue.
package enum TerminalText {
  /// For people: what a terminal would act upon, or what would turn the reading direction, is shown as `\x1b` or `\u{202e}`.
  package static func escaped(_ text: String) -> String {
    if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
    return text.unicodeScalars.reduce(into: "") { result, scalar in
      guard isDangerous(scalar) else { return result.unicodeScalars.append(scalar) }
      let digits = String(scalar.value, radix: 16)
      switch scalar.value {
      case 0x0A: result += "\\n"
      case 0x0D: result += "\\r"
      case 0x09: result += "\\t"
      case ..<0x80: result += "\\x" + (digits.utf8.count < 2 ? "0" : "") + digits
      default: result += "\\u{" + digits + "}"
      }
    }
  }

  /// For JSON text: the same scalars as `\u202e`. They stand only inside strings, where that means the same; the encoder
  /// has done it for C0 already, and the line feeds of indented JSON stand outside strings.
  package static func escapedJSON(_ json: String) -> String {
    if json.utf8.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x0A }) { return json }
    return json.unicodeScalars.reduce(into: "") { result, scalar in
      guard scalar != "\n", isDangerous(scalar) else { return result.unicodeScalars.append(scalar) }
      for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
        let digits = String(unit, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
      }
    }
  }

  /// Controls (C0, DEL, C1), line and paragraph separators, bidirectional and invisible formatting, tags.
  private static func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
    default: false
    }
  }
}
