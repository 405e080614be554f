// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Reads the value of an unstructured header field as a person would (RFC 2047): encoded words become their text. For
/// the human part of notifications; whatever the value is, what comes out is one harmless line.
enum EncodedWords {
  /// nil: the value has no text that can be shown, or is in a character set that we do not know.
  static func decoded(_ value: [UInt8]) -> String? {
    var octets: [UInt8] = []
    var position = 0
    /// Where the last encoded word ended: white space between two of them is not shown (RFC 2047 section 6.2).
    var encodedEnd: Int?
    while position < value.count {
      if let word = encodedWord(value[position...]) {
        guard let text = word.text else { return nil }
        if let end = encodedEnd, value[end..<position].allSatisfy(isSpace) {
          octets.removeLast(position - end)
        }
        octets += text
        position = word.end
        encodedEnd = position
      } else {
        octets.append(value[position])
        position += 1
      }
    }
    guard let text = String(validating: octets, as: UTF8.self) else { return nil }
    let shown = PlainText.line(text)
    return shown.isEmpty ? nil : shown
  }

  /// `=?charset?encoding?text?=` at the beginning of `octets`: what it says in UTF-8 (nil if we cannot read it), and
  /// the index behind it.
  private static func encodedWord(_ octets: ArraySlice<UInt8>) -> (text: [UInt8]?, end: Int)? {
    guard octets.starts(with: "=?".utf8) else { return nil }
    // RFC 2047 section 2 allows 75; longer ones are seen.
    let limit = octets.prefix(wordOctetsMax)
    let marks = limit.indices.filter { limit[$0] == UInt8(ascii: "?") }
    guard marks.count >= 4, let close = marks.dropFirst(3).first else { return nil }
    let end = close + 1
    guard end < octets.endIndex, octets[end] == UInt8(ascii: "=") else { return nil }
    let charset = String(decoding: octets[(marks[0] + 1)..<marks[1]], as: UTF8.self).lowercased()
    let encoding = octets[(marks[1] + 1)..<marks[2]]
    let text = octets[(marks[2] + 1)..<close]
    guard !text.contains(where: isSpace) else { return nil }
    let plain: [UInt8]? =
      switch encoding.first.map({ $0 | 0x20 }) {
      case UInt8(ascii: "q") where encoding.count == 1: decodedQ(text)
      case UInt8(ascii: "b") where encoding.count == 1: decodedB(text)
      default: nil
      }
    // RFC 2231 section 5: a language may stand behind the character set.
    return (plain.flatMap { utf8($0, from: charset.prefix { $0 != "*" }) }, end + 1)
  }

  private static func utf8(_ octets: [UInt8], from charset: Substring) -> [UInt8]? {
    switch charset {
    case "utf-8", "us-ascii": octets
    case "iso-8859-1": Array(String(String.UnicodeScalarView(octets.map { Unicode.Scalar($0) })).utf8)
    default: nil
    }
  }

  private static func decodedQ(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    var position = text.startIndex
    while position < text.endIndex {
      switch text[position] {
      case UInt8(ascii: "_"): result.append(UInt8(ascii: " "))
      case UInt8(ascii: "="):
        guard position + 2 < text.endIndex, let high = hexDigit(text[position + 1]),
          let low = hexDigit(text[position + 2])
        else { return nil }
        result.append(high << 4 | low)
        position += 2
      case let octet: result.append(octet)
      }
      position += 1
    }
    return result
  }

  private static func decodedB(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    for octet in text {
      guard octet != UInt8(ascii: "=") else { break }
      guard let value = alphabet.firstIndex(of: octet) else { return nil }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return result
  }

  private static func hexDigit(_ octet: UInt8) -> UInt8? {
    switch octet {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): octet - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): octet - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): octet - UInt8(ascii: "a") + 10
    default: nil
    }
  }

  private static func isSpace(_ octet: UInt8) -> Bool { octet == UInt8(ascii: " ") || octet == UInt8(ascii: "\t") }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let wordOctetsMax = 400
}
