// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Text on its way into a log, whichever that is: one line, nothing that a terminal obeys, and an end.
///
/// What peers said has lost its controls before; this is for everything else that a text may be made of (errors of
/// the system, paths, configuration), and for whoever forgets.
package enum LogText {
  /// A line of text; the longest of ours name two addresses and a reply.
  package static let messageOctetsMax = 4096
  /// One fact: a reply of 512 ill-formed octets becomes three times as long.
  package static let fieldOctetsMax = 2048

  /// Appends `text` with "?" for each control (C0, DEL, C1), line or paragraph separator and bidirectional override,
  /// cut at a whole character.
  package static func append(_ text: String, to octets: inout [UInt8], octetsMax: Int) {
    var text = text
    let isPlain = text.withUTF8 { utf8 in
      guard utf8.count <= octetsMax, utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return false }
      octets.append(contentsOf: utf8)
      return true
    }
    if isPlain { return }
    let end = octets.count + octetsMax
    for scalar in text.unicodeScalars {
      let shown: Unicode.Scalar = isHarmless(scalar) ? scalar : "?"
      let encoded = UTF8.encode(shown)!
      guard octets.count + encoded.count <= end else { return }
      octets.append(contentsOf: encoded)
    }
  }

  private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: false
    default: true
    }
  }
}
