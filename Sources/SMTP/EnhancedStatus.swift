// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// An enhanced status code, `class.subject.detail` (RFC 3463, RFC 2034).
package struct EnhancedStatus: Sendable, Hashable, CustomStringConvertible {
  package let `class`: UInt8
  package let subject: UInt16
  package let detail: UInt16

  package init(_ class: UInt8, _ subject: UInt16, _ detail: UInt16) {
    self.class = `class`
    self.subject = subject
    self.detail = detail
  }

  /// Reads `2.1.5`; nil if the text is anything else. Subject and detail have at most three digits.
  package init?(_ text: some StringProtocol) {
    self.init(octets: text.utf8)
  }

  init?(octets: some Sequence<UInt8>) {
    var numbers: (UInt16, UInt16, UInt16) = (0, 0, 0)
    var (place, digits) = (0, 0)
    for octet in octets {
      if octet == UInt8(ascii: ".") {
        guard place < 2, digits > 0 else { return nil }
        (place, digits) = (place + 1, 0)
        continue
      }
      digits += 1
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet), digits <= (place == 0 ? 1 : 3) else { return nil }
      let digit = UInt16(octet - UInt8(ascii: "0"))
      switch place {
      case 0: numbers.0 = digit
      case 1: numbers.1 = numbers.1 * 10 + digit
      default: numbers.2 = numbers.2 * 10 + digit
      }
    }
    guard place == 2, digits > 0, numbers.0 == 2 || numbers.0 == 4 || numbers.0 == 5 else { return nil }
    self.init(UInt8(numbers.0), numbers.1, numbers.2)
  }

  package var description: String { String(`class`) + "." + String(subject) + "." + String(detail) }
}
