// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Address literals of RFC 5321 section 4.1.3, without the brackets.
enum AddressLiteral {
  static func isValid(_ text: String) -> Bool {
    if text.utf8.count > 5, text.prefix(5).lowercased() == "ipv6:" { return isIPv6(text.dropFirst(5)) }
    return isIPv4(text[...])
  }

  private static func isIPv4(_ text: Substring) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        (1...3).contains(part.count) && part.allSatisfy { (0x30...0x39).contains($0) }
          && part.reduce(0) { $0 * 10 + Int($1 - 0x30) } <= 255
      }
  }

  /// At most one "::"; eight groups without it, at most seven with it (RFC 4291 section 2.2); the tail may be IPv4.
  private static func isIPv6(_ text: Substring) -> Bool {
    let halves = text.split2("::")
    guard halves.count <= 2 else { return false }
    var groups = 0
    for (index, half) in halves.enumerated() where !half.isEmpty {
      let parts = half.split(separator: ":", omittingEmptySubsequences: false)
      for (position, part) in parts.enumerated() {
        let isTail = index == halves.count - 1 && position == parts.count - 1
        if isTail, part.contains(".") {
          guard isIPv4(part) else { return false }
          groups += 2
        } else {
          guard (1...4).contains(part.utf8.count), part.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
            return false
          }
          groups += 1
        }
      }
    }
    return halves.count == 2 ? groups <= 7 : groups == 8
  }
}

extension Substring {
  /// Pieces between the occurrences of a two-character separator, empty ones included.
  fileprivate func split2(_ separator: String) -> [Substring] {
    var pieces: [Substring] = []
    var start = startIndex
    var index = startIndex
    while index < endIndex {
      if self[index...].hasPrefix(separator) {
        pieces.append(self[start..<index])
        index = self.index(index, offsetBy: 2)
        start = index
      } else {
        index = self.index(after: index)
      }
    }
    pieces.append(self[start...])
    return pieces
  }
}
