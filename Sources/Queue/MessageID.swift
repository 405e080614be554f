// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Name of a message: a number that is never given twice, shown as nine Crockford base32 characters.
///
/// The number passes through a fixed bijection of 45 bits first, so that the ids of successive messages differ from
/// the first character on and a prefix of four names one of them, like a git hash.
package struct MessageID: Hashable, Sendable, CustomStringConvertible {
  package let number: UInt64

  package static let characters = 9
  package static let numberMax: UInt64 = 1 << 45 - 1

  package init(number: UInt64) {
    self.number = number
  }

  /// Reads nine characters in any case, with O for 0 and I or L for 1.
  package init?(_ text: String) {
    guard text.utf8.count == Self.characters else { return nil }
    var mixed: UInt64 = 0
    for octet in text.utf8 {
      guard let value = Self.value(octet) else { return nil }
      mixed = mixed << 5 | value
    }
    number = Self.unmix(mixed)
  }

  package var description: String {
    let mixed = Self.mix(number)
    return String(unsafeUninitializedCapacity: Self.characters) { octets in
      for place in 0..<Self.characters {
        octets[place] = Self.alphabet[Int(mixed >> (5 * UInt64(Self.characters - 1 - place))) & 31]
      }
      return Self.characters
    }
  }

  /// Canonical form of typed text: upper case, without the letters that look like digits. nil if some character can
  /// not be part of an id.
  package static func canonical(_ text: String) -> String? {
    var octets: [UInt8] = []
    for octet in text.utf8 {
      guard let value = value(octet) else { return nil }
      octets.append(alphabet[Int(value)])
    }
    return String(decoding: octets, as: UTF8.self)
  }

  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

  private static func value(_ octet: UInt8) -> UInt64? {
    let upper = (0x61...0x7A).contains(octet) ? octet - 32 : octet
    switch upper {
    case UInt8(ascii: "O"): return 0
    case UInt8(ascii: "I"), UInt8(ascii: "L"): return 1
    default: return alphabet.firstIndex(of: upper).map(UInt64.init)
    }
  }

  // Multiplication by an odd number and the exclusive or with the upper half are each a bijection of 45 bits; the
  // second is its own inverse because 2 * 23 > 45.
  private static let factor: UInt64 = 0x1A85_EC53_9D4B
  private static let inverse: UInt64 = {
    var inverse: UInt64 = 1
    for _ in 0..<6 { inverse = inverse &* (2 &- factor &* inverse) }
    return inverse & numberMax
  }()

  private static func mix(_ number: UInt64) -> UInt64 {
    var mixed = number & numberMax
    for _ in 0..<2 {
      mixed = (mixed &* factor) & numberMax
      mixed ^= mixed >> 23
    }
    return mixed
  }

  private static func unmix(_ mixed: UInt64) -> UInt64 {
    var number = mixed
    for _ in 0..<2 {
      number ^= number >> 23
      number = (number &* inverse) & numberMax
    }
    return number
  }
}
