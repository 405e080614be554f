// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Mail

@Suite struct QuotedPrintableTests {
  @Test(
    "Octets that may not stand are written as numbers",
    arguments: [
      ("plain text\r\n", "plain text\r\n"), ("a=b", "a=3Db"), ("f\u{fc}r", "f=C3=BCr"), ("a \r\nb\t", "a=20\r\nb=09"),
      ("a\rb\nc", "a=0Db=0Ac"), ("a\0\u{7f}", "a=00=7F"), ("", ""),
    ])
  func encoded(_ text: String, _ expected: String) {
    #expect(String(decoding: QuotedPrintable.encoded(Array(text.utf8)), as: UTF8.self) == expected)
  }

  @Test("Anything comes back from short lines", arguments: [1, 2, 3, 4] as [UInt64])
  func roundTrip(seed: UInt64) {
    var generator = SeededGenerator(state: seed)
    let parts = ["a", "word ", " ", "\t", "\r\n", "\r", "\n", "=", "\u{e9}", String(repeating: "x", count: 75)]
    for _ in 0..<500 {
      let octets = Array(generator.string(of: parts, countMax: 30).utf8)
      let encoded = QuotedPrintable.encoded(octets)
      let lines = String(decoding: encoded, as: UTF8.self).utf8.split(
        separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      #expect(lines.allSatisfy { $0.count <= 77 && $0.allSatisfy { $0 < 0x7F } }, "seed=\(seed)")
      #expect(decoded(encoded) == octets, "seed=\(seed)")
    }
  }

  /// RFC 2045 section 6.7, read anew.
  private func decoded(_ octets: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var index = 0
    while index < octets.count {
      if octets[index] != UInt8(ascii: "=") {
        result.append(octets[index])
        index += 1
        continue
      }
      let escape = String(decoding: octets[(index + 1)..<(index + 3)], as: UTF8.self)
      if escape != "\r\n" { result.append(UInt8(escape, radix: 16)!) }
      index += 3
    }
    return result
  }
}
