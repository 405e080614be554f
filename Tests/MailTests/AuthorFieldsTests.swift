// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Mail

/// Whose a message says that it is.
@Suite("Authors") struct AuthorFieldsTests {
  private static func claims(_ content: String, piece: Int = 1_000_000) -> [AuthorFields.Claim] {
    var scanner = HeaderScanner(keepsAuthors: true)
    let octets = Array(content.utf8)
    for start in stride(from: 0, to: octets.count, by: piece) {
      scanner.consume(octets[start..<min(start + piece, octets.count)].span.bytes)
    }
    scanner.finish()
    return scanner.authorClaims
  }

  private static func claim(_ field: String, _ addresses: [String]?) -> AuthorFields.Claim {
    AuthorFields.Claim(field: field, addresses: addresses)
  }

  @Test(
    "are all addresses of a field that every reader reads alike",
    arguments: [
      ("a@x.example", ["a@x.example"]),
      ("Alice <a@x.example>", ["a@x.example"]),
      ("<a@x.example> (Alice)", ["a@x.example"]),
      ("\"boss@corp.example\" <a@x.example>", ["a@x.example"]),
      ("\"a, \\\"b\\\" <c@d>\"\r\n <a@x.example>", ["a@x.example"]),
      ("J. Doe's Scanner #2 (2nd (back) floor) <a@x.example>", ["a@x.example"]),
      ("=?utf-8?q?J=C3=B6rg?=\r\n\t=?utf-8?q?_M?= <a@x.example>", ["a@x.example"]),
      ("Jörg <jö@x.example>", ["jö@x.example"]),
      ("\"odd one\"@x.example", ["\"odd one\"@x.example"]),
      ("a@[192.0.2.1]", ["a@[192.0.2.1]"]),
      ("A <a@x.example>,, b@y.example,", ["a@x.example", "b@y.example"]),
      ("Staff: A <a@x.example>, b@y.example;, c@z.example", ["a@x.example", "b@y.example", "c@z.example"]),
      ("boss@corp.example <a@x.example>", ["boss@corp.example", "a@x.example"]),
      ("a (\\)) @ (b) x.example", ["a@x.example"]),
    ])
  func readable(value: String, addresses: [String]) {
    #expect(ExactMailboxes.addresses(Array(value.utf8)[...]) == addresses)
  }

  @Test(
    "cannot be said where two readers could differ, or there is none",
    arguments: [
      "", " \r\n ", "Scanner", "Scanner, a@x.example", "a@x.example b@y.example", "Bob a@x.example",
      "<a@x.example> Bob", "<a@x.example> <b@y.example>", "a@x.example (boss@corp.example", "\"a@x.example",
      "a@x.example \"", "<a@x.example", "a@x.example>", "<>", "<@y.example:a@x.example>", "a@b@x.example", "@x.example",
      "a@", "a@x(c).example",
      "boss.(c)a@x.example", "A; a@x.example", "A: B: a@x.example;;", "A: a@x.example", "A:;", "a\\@x.example",
      "Bob [2] <a@x.example>", "a@\"x.example\"", "a@[192.0.2.1", "\u{7F}a@x.example", "a\u{0}@x.example",
      "Müller, J <a@b>", " : a@x.example",
    ])
  func unreadable(value: String) {
    #expect(ExactMailboxes.addresses(Array(value.utf8)[...]) == nil)
  }

  @Test("come from every From and Sender of the header, however it is folded and cut", arguments: [1, 2, 7, 1_000_000])
  func fields(piece: Int) {
    let content = """
      Subject: s\r
      FROM :\r
       A\r
      \t<a@x.example>\r
      Reply-To: r@x.example\r
      sender: b@x.example\r
      No field at all\r
       c@x.example\r
      From: d@x.example,\r
       e@x.example\r
      \r
      From: f@x.example\r\n
      """
    #expect(
      Self.claims(content, piece: piece) == [
        Self.claim("From", ["a@x.example"]), Self.claim("Sender", ["b@x.example"]),
        Self.claim("From", ["d@x.example", "e@x.example"]),
      ])
    #expect(Self.claims("To: a@b\r\n\r\n", piece: piece).isEmpty)
    #expect(Self.claims("no header\r\nFrom: a@b\r\n", piece: piece).isEmpty)
  }

  @Test("are kept within bounds, and what is beyond them cannot be said")
  func bounds() {
    let long = "From: a@x.example\r\nFrom: " + String(repeating: "(c)", count: 3_000) + "b@x.example\r\n\r\n"
    #expect(Self.claims(long) == [Self.claim("From", nil), Self.claim("From", nil)])
    let many = Self.claims(String(repeating: "From:a@b\r\n", count: 50_000) + "\r\n")
    #expect(many.count < 200 && many.allSatisfy { $0.addresses == nil })
  }
}
