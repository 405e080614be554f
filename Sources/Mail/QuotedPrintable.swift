// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The encoding that makes any text 7-bit with short lines and leaves most of it readable (RFC 2045 section 6.7).
enum QuotedPrintable {
  /// CRLF stays a line end; CR or LF alone is content.
  static func encoded(_ octets: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(octets.count + octets.count / 4)
    var column = 0
    var index = 0
    while index < octets.count {
      if octets.isLineEnd(at: index) {
        result += "\r\n".utf8
        column = 0
        index += 2
        continue
      }
      let octet = octets[index]
      let isLast = index + 1 == octets.count || octets.isLineEnd(at: index + 1)
      let word = isPlain(octet, isLast: isLast) ? [octet] : escaped(octet)
      // The last column belongs to the mark of a soft line break.
      if column + word.count > lineOctetsMax - (isLast ? 0 : 1) {
        result += "=\r\n".utf8
        column = 0
      }
      result += word
      column += word.count
      index += 1
    }
    return result
  }

  /// White space at the end of a line may be lost on the way.
  private static func isPlain(_ octet: UInt8, isLast: Bool) -> Bool {
    switch octet {
    case UInt8(ascii: "="): false
    case UInt8(ascii: " "), UInt8(ascii: "\t"): !isLast
    default: (0x21...0x7E).contains(octet)
    }
  }

  private static func escaped(_ octet: UInt8) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return [UInt8(ascii: "="), digits[Int(octet >> 4)], digits[Int(octet & 15)]]
  }

  /// RFC 2045 section 6.7, rule 5.
  private static let lineOctetsMax = 76
}

extension Array where Element == UInt8 {
  fileprivate func isLineEnd(at index: Int) -> Bool {
    index + 1 < count && self[index] == UInt8(ascii: "\r") && self[index + 1] == UInt8(ascii: "\n")
  }
}
