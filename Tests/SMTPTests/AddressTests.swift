// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SMTP

@Suite struct AddressTests {
  @Test(
    "a mailbox is kept as given",
    arguments: [
      "bob@example.net", "Bob.SMITH@Example.NET", "\"b@c\"@example.net", "\"a \\\" b\"@example.net",
      "o'hara+x@example.net",
      "bob@[192.0.2.1]", "bob@[IPv6:2001:db8::1]", "bob@[IPv6:::ffff:192.0.2.1]", "bob@host_name", "Postmaster",
      "POSTMASTER", "b\u{e4}r@example.net", "bob@b\u{fc}ro.example", "\u{7528}\u{6237}@\u{4f8b}\u{5b50}.example",
      "\"b \u{e4}r\"@example.net", "bob@\(String(repeating: "\u{e4}", count: 63)).example",
    ])
  func accepted(text: String) {
    #expect(Address(text)?.text == text)
    let stored = Address(stored: text)
    #expect(Address(text) == stored && Address(text)?.local == stored.local && Address(text)?.domain == stored.domain)
  }

  @Test(
    "what is no mailbox is refused",
    arguments: [
      "", "bob", "@example.net", "bob@", "bob@example..net", ".bob@example.net", "bob.@example.net", "a..b@example.net",
      "bob(c)@example.net", "a b@example.net", "bob@example.net,carol@example.net", "|/bin/sh", ";id;",
      "\"bob@example.net",
      "a@b@example.net", "bob@[300.1.1.1]", "bob@[IPv6:1::2::3]", "bob@[IPv6:1:2:3]", "bob@-example.net",
      "bob@example-.net",
      "bob\r@example.net", "bob@exa mple.net", "b\u{85}r@example.net", "b\u{202e}r@example.net",
      "b\u{3000}r@example.net",
      "bob@-\u{e4}.", "bob@\(String(repeating: "\u{e4}", count: 64)).example",
      "bob@\(String(repeating: "a", count: 64)).example",
      "bob@example.net>", "<bob@example.net",
    ])
  func refused(text: String) {
    #expect(Address(text) == nil)
  }

  @Test("local part and domain are told apart at the last unquoted at-sign")
  func parts() throws {
    let address = try #require(Address("\"a@b\"@example.net"))
    #expect(address.local == "\"a@b\"")
    #expect(address.domain == "example.net")
    #expect(try #require(Address("Postmaster")).domain == "")
  }

  @Test(
    "peer text holds no control, whatever it was made of",
    arguments: [
      ("a\r\nX-Evil: 1", "a??X-Evil: 1"), ("\u{1b}[2Jred", "?[2Jred"), ("nul\0", "nul?"), ("\u{202e}gnp", "?gnp"),
      ("line\u{2028}two", "line?two"), ("plain", "plain"), ("gr\u{fc}n", "gr\u{fc}n"),
    ])
  func peerText(text: String, expected: String) {
    #expect(PeerText(text).text == expected)
  }

  @Test("peer text is cut, and ill-formed UTF-8 does no harm")
  func peerTextBounds() {
    #expect(PeerText(octets: Array(repeating: UInt8(ascii: "x"), count: 10_000)).text.utf8.count == 512)
    #expect(PeerText(octets: [0x61, 0xFF, 0xFE]).text == "a\u{fffd}\u{fffd}")
    // What stands for an octet is longer than the octet.
    let many = PeerText(octets: Array(repeating: 0xFF, count: 10_000))
    #expect(many.text.utf8.count == 510 && PeerText(many.text) == many)
    #expect(PeerText(String(repeating: "x", count: 511) + "ü").text.utf8.count == 511)
    #expect(PeerText("a\u{61C}b").text == "a?b" && Address("a\u{61C}@b.example") == nil)
  }

  @Test("a stored verifier is read back, accepts its password and no other")
  func verifier() throws {
    let verifier = SCRAMVerifier(password: Array("pencil".utf8), salt: Array(0..<16), iterations: 4096)
    let read = try #require(SCRAMVerifier(verifier.text))
    #expect(read == verifier)
    #expect(read.matches(password: Array("pencil".utf8)))
    #expect(!read.matches(password: Array("Pencil".utf8)))
    #expect(SCRAMVerifier("SCRAM-SHA-256$1:AAAA$AAAA:AAAA") == nil)
  }
}
