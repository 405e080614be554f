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
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].count == 1,
      let first = Self.number(parts[0]), first == 2 || first == 4 || first == 5,
      let second = Self.number(parts[1]), let third = Self.number(parts[2])
    else { return nil }
    self.init(UInt8(first), second, third)
  }

  package var description: String { String(`class`) + "." + String(subject) + "." + String(detail) }

  private static func number(_ digits: some Collection<UInt8>) -> UInt16? {
    guard (1...3).contains(digits.count) else { return nil }
    var value: UInt16 = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = value * 10 + UInt16(digit - UInt8(ascii: "0"))
    }
    return value
  }
}
