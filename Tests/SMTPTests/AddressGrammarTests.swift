// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SMTP

/// The parser of addresses beside another one, which is the grammar of RFC 5321 section 4.1.2 written down rule by rule.
@Suite struct AddressGrammarTests {
  @Test("every short text is an address to both parsers, or to none", arguments: [(0, 6), (1, 5), (2, 5)])
  func exhaustive(alphabet: Int, length: Int) {
    let letters = [
      ["a", "@", ".", "\"", "\\", "-"], ["a", "@", ".", "\"", " ", "<", "(", "é"],
      ["a", "@", "[", "]", ":", "1", ".", ","],
    ][alphabet].map { Array($0.utf8) }
    var texts: [[UInt8]] = [[]]
    var last: [[UInt8]] = [[]]
    for _ in 0..<length {
      last = last.flatMap { text in letters.map { text + $0 } }
      texts += last
    }
    var count = 0
    for octets in texts {
      let text = String(decoding: octets, as: UTF8.self)
      let isAddress = Address(text) != nil
      #expect(isAddress == Grammar(octets).isMailbox, "\(text)")
      if isAddress { count += 1 }
    }
    #expect(count > 50)
  }

  @Test("lengths at their borders", arguments: [0, 1])
  func borders(over: Int) {
    let label = String(repeating: "d", count: 63)
    let domain = "\(label).\(label).\(label).\(String(repeating: "e", count: 63))"
    #expect(domain.utf8.count == 255)
    let local = String(repeating: "l", count: Address.localOctetsMax)
    let isOver = over == 1
    let x = isOver ? "x" : ""
    #expect((Address("\(local)\(x)@a.b") == nil) == isOver)
    #expect((Address("\"\(local.dropLast(2))\(x)\"@a.b") == nil) == isOver)
    #expect((Address("a@\(label)\(x).b") == nil) == isOver)
    #expect((Address("a@\(domain)\(isOver ? ".x" : "")") == nil) == isOver)
  }

  @Test(
    "what a shell or a file system would take for its own stays the text that it is",
    arguments: [
      "a;reboot;@b.c", "|cmd@b.c", "-oQ/tmp@b.c", "../../etc/passwd@b.c", "/dev/null@b.c", "`id`@b.c", "$HOME@b.c",
    ])
  func harmless(text: String) {
    let address = Address(text)
    let isAddress = !text.contains(";") && !text.contains("..")
    #expect((address != nil) == isAddress)
    if let address { #expect(Array(address.text.utf8) == Array(text.utf8)) }
  }
}

/// Tells whether octets are a mailbox: each rule of the grammar is a function that gives the places where it may end.
/// Beside the RFC: Postmaster alone, underscores in domains, octets beyond ASCII.
private struct Grammar {
  let octets: [UInt8]

  init(_ octets: [UInt8]) { self.octets = octets }

  var isMailbox: Bool {
    if String(decoding: octets, as: UTF8.self).lowercased() == "postmaster" { return true }
    return octets.indices.contains { at in
      octets[at] == UInt8(ascii: "@") && (dotString(0, at) || quotedString(0, at))
        && (domain(at + 1, octets.count) || literal(at + 1, octets.count))
    }
  }

  private func dotString(_ start: Int, _ end: Int) -> Bool {
    parts(start, end, UInt8(ascii: ".")).allSatisfy { part in
      !part.isEmpty
        && part.allSatisfy { $0 >= 0x80 || isLetterOrDigit($0) || "!#$%&'*+-/=?^_`{|}~".utf8.contains($0) }
    }
  }

  private func quotedString(_ start: Int, _ end: Int) -> Bool {
    guard end - start >= 2, octets[start] == 0x22, octets[end - 1] == 0x22 else { return false }
    var place = start + 1
    while place < end - 1 {
      if octets[place] == 0x5C {
        place += 1
        guard place < end - 1, (0x20...0x7E).contains(octets[place]) else { return false }
      } else if octets[place] == 0x22 || octets[place] < 0x20 || octets[place] == 0x7F {
        return false
      }
      place += 1
    }
    return true
  }

  private func domain(_ start: Int, _ end: Int) -> Bool {
    parts(start, end, UInt8(ascii: ".")).allSatisfy { label in
      !label.isEmpty && label.count <= 63 && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
        && label.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 >= 0x80 }
    }
  }

  /// Of so few octets only IPv4 and the shortest of IPv6 can be one.
  private func literal(_ start: Int, _ end: Int) -> Bool {
    guard end - start >= 2, octets[start] == UInt8(ascii: "["), octets[end - 1] == UInt8(ascii: "]") else {
      return false
    }
    let numbers = parts(start + 1, end - 1, UInt8(ascii: "."))
    return numbers.count == 4
      && numbers.allSatisfy { number in
        (1...3).contains(number.count) && number.allSatisfy { (0x30...0x39).contains($0) }
          && Int(String(decoding: number, as: UTF8.self))! <= 255
      }
  }

  private func parts(_ start: Int, _ end: Int, _ separator: UInt8) -> [ArraySlice<UInt8>] {
    octets[start..<end].split(separator: separator, omittingEmptySubsequences: false)
  }

  private func isLetterOrDigit(_ octet: UInt8) -> Bool {
    (0x30...0x39).contains(octet) || (0x41...0x5A).contains(octet) || (0x61...0x7A).contains(octet)
  }
}
