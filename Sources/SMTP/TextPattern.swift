// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Text with `*` for anything, compared without regard to ASCII case: people type what they remember. Selectors of the
/// queue, routes and rules about replies share it, so that a star means the same everywhere.
package struct TextPattern: Sendable, Hashable, CustomStringConvertible {
  /// In lower case.
  package let octets: [UInt8]

  package init(_ text: some StringProtocol) { octets = text.utf8.map(Self.folded) }

  package var description: String { String(decoding: octets, as: UTF8.self) }

  /// Goes back only to the last star, so the cost is at most the product of the two lengths; no recursion.
  package func matches(_ text: String) -> Bool {
    let text = Array(text.utf8)
    var (position, place) = (0, 0)
    var star: (position: Int, place: Int)?
    while place < text.count {
      if position < octets.count, octets[position] == UInt8(ascii: "*") {
        star = (position, place)
        position += 1
      } else if position < octets.count, octets[position] == Self.folded(text[place]) {
        position += 1
        place += 1
      } else if let last = star {
        star = (last.position, last.place + 1)
        (position, place) = (last.position + 1, last.place + 1)
      } else {
        return false
      }
    }
    return octets[position...].allSatisfy { $0 == UInt8(ascii: "*") }
  }

  private static func folded(_ octet: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(octet) ? octet | 0x20 : octet
  }
}
