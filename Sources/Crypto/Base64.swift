// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Base 64 of RFC 4648 section 4, strict: SASL and verifiers must not have two spellings.
package enum Base64 {
  package static func encode(_ octets: [UInt8]) -> String {
    String(unsafeUninitializedCapacity: (octets.count + 2) / 3 * 4) { text in
      var position = 0
      for start in stride(from: 0, to: octets.count, by: 3) {
        let present = min(3, octets.count - start)
        var group: UInt32 = 0
        for offset in 0..<3 {
          group = group << 8 | (offset < present ? UInt32(octets[start + offset]) : 0)
        }
        for digit in 0..<4 {
          let value = Int(group >> UInt32(18 - 6 * digit) & 0x3F)
          text[position] = digit <= present ? alphabet[value] : padding
          position += 1
        }
      }
      return position
    }
  }

  /// The octets, or nil when the text is not canonical: a character outside the alphabet (white space and line ends
  /// too), padding missing or in the wrong place, bits set that no octet holds (RFC 4648 section 3.5).
  package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    let count = text.count
    guard count.isMultiple(of: 4) else { return nil }
    var octets: [UInt8] = []
    octets.reserveCapacity(count / 4 * 3)
    var group: UInt32 = 0
    var digits = 0
    var padded = 0
    for character in text {
      if character == padding {
        padded += 1
      } else {
        let value = values[Int(character)]
        guard padded == 0, value != unknown else { return nil }
        group = group << 6 | UInt32(value)
        digits += 1
      }
      guard digits + padded == 4 else { continue }
      guard append(group, digits: digits, to: &octets) else { return nil }
      group = 0
      digits = 0
    }
    return octets
  }

  /// Appends the octets of one group of two to four digits; false when there are fewer, or when left-over bits are set.
  private static func append(_ group: UInt32, digits: Int, to octets: inout [UInt8]) -> Bool {
    switch digits {
    case 4:
      octets.append(UInt8(truncatingIfNeeded: group >> 16))
      octets.append(UInt8(truncatingIfNeeded: group >> 8))
      octets.append(UInt8(truncatingIfNeeded: group))
      return true
    case 3:
      octets.append(UInt8(truncatingIfNeeded: group >> 10))
      octets.append(UInt8(truncatingIfNeeded: group >> 2))
      return group & 0x3 == 0
    case 2:
      octets.append(UInt8(truncatingIfNeeded: group >> 4))
      return group & 0xF == 0
    default:
      return false
    }
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")
  private static let unknown: UInt8 = 0xFF
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: unknown, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()
}
