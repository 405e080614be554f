// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import TestKit
import Testing

@testable import Admin
@testable import Mail
@testable import OAuth

@Suite("A message that is twice as long takes about twice the time")
struct LinearMailTests {
  struct Work: Sendable, CustomStringConvertible {
    let description: String
    let prepare: @Sendable (Int) -> () -> Void
  }

  @Test("of headers, reports, and what else others write", arguments: works)
  func linear(_ work: Work) {
    #expect(Doubling.ratio(work.prepare) < Doubling.ratioMax)
  }

  private static let headers = [
    ("fields", "", "X: y\r\n"), ("traces", "", "Received: by by y\r\n by\r\n"),
    ("blind copies", "", "Bcc: a@b\r\n c\r\n"),
    ("authors", "", "From: A <a@b.example>\r\n"), ("a folded field", "X: y", "\r\n y"), ("a long field", "X: ", "y"),
    ("a folded author", "From: a@b", "\r\n y"), ("lines that are no fields", "X: y\r\n", "y\r\n"),
    ("a name without end", "", "y"), ("identifiers", "", "Message-ID: <a@b>\r\n"), ("colons", "X", ":"),
  ]
  private static let lists = [
    ("open comments", "("), ("closed comments", "()"), ("quotes", "\""), ("three quotes", "\"\"\" "), ("commas", ","),
    ("groups", ":;"), ("angles", "<"), ("addresses in angles", "<a@b>"), ("brackets", "["), ("backslashes", "\\"),
    ("nested comments", "(a(b)"), ("quoted angles", "<\""), ("addresses", "a@b.example, "), ("names", "A B "),
  ]

  private static let works =
    headers.flatMap { name, begin, piece in
      [
        octets("\(name), read", begin, piece) { scan($0) },
        octets("\(name), sent", begin, piece) { send($0) },
        octets("\(name), returned", begin, piece) { octets in
          _ = HeaderBlock(octets, octetsMax: .max, isWhole: true).value(of: .subject)
        },
      ]
    }
    + lists.flatMap { name, piece in
      [
        octets("\(name) in an address field", "", piece) { _ = MailboxList($0[...]).addresses.count },
        octets("\(name) in a display name", "", piece) { _ = DisplayName.phrase($0[...]) },
      ]
    }
    + [
      octets("encoded words", "", "=?utf-8?q?a?= ") { _ = EncodedWords.decoded($0) },
      octets("encoded words that are none", "", "=?") { _ = EncodedWords.decoded($0) },
      octets("encoded words without end", "", "=?utf-8?q?") { _ = EncodedWords.decoded($0) },
      octets("boundaries", "", "--=_N.000001\r\n") { _ = MultipartBoundary.unused(in: [$0], name: "N") },
      octets("boundaries that are none", "", "=_N") { _ = MultipartBoundary.unused(in: [$0], name: "N") },
      octets("quoted-printable", "", "ü= \t\r\n") { _ = QuotedPrintable.encoded($0) },
      octets("words to wrap", "", "word ") { octets in
        var text = WrappedText()
        text.add(String(decoding: octets, as: UTF8.self))
      },
      octets("a message to return", "Subject: x\r\n\r\n", "text\r\n") { report($0, recipients: 1) },
      Work(description: "recipients to report") { count in { report([], recipients: count / 8) } },
      octets("lines of the control protocol", "", "{}\n") { octets in
        var framer = LineFramer()
        for start in stride(from: 0, to: octets.count, by: 1_000) {
          framer.append(octets[start..<min(octets.count, start + 1_000)])
          while (try? framer.next()) != nil {}
        }
      },
      octets("a long string of an answer", "{\"error\":\"", "\\u00fc") { octets in
        _ = TokenReply.token(status: 400, body: octets + Array("\"}".utf8))
      },
      octets("lists in lists of an answer", "{\"error\":", "[") { _ = TokenReply.token(status: 200, body: $0) },
      octets("a typed line", "", "a 'b' \\\"") { _ = TypedLine(String(decoding: $0, as: UTF8.self)).allWords.count },
    ]

  private static func octets(
    _ description: String, _ begin: String, _ piece: String, _ read: @escaping @Sendable ([UInt8]) -> Void
  ) -> Work {
    Work(description: description) { count in
      let octets = Array((begin + String(repeating: piece, count: count)).utf8)
      return { read(octets) }
    }
  }

  private static func scan(_ octets: [UInt8]) {
    var scanner = HeaderScanner(hostname: "gate.example")
    for start in stride(from: 0, to: octets.count, by: 4_096) {
      scanner.consume(Array(octets[start..<min(octets.count, start + 4_096)]).span.bytes)
    }
    scanner.finish()
  }

  private static func send(_ octets: [UInt8]) {
    var changes = OutgoingChanges(rewriting: SenderRewriting(account: "g@own.example") { $0 == "g@own.example" })
    for start in stride(from: 0, to: octets.count, by: 4_096) {
      _ = changes.filter(Array(octets[start..<min(octets.count, start + 4_096)]))
    }
    _ = changes.finish()
  }

  private static func report(_ message: [UInt8], recipients: Int) {
    let recipients = (0..<recipients).map { number in
      DeliveryStatusReport.Recipient(
        address: "r\(number)@b.example", code: 550, status: "5.1.1", text: "no such user", isAnswer: true)
    }
    _ = DeliveryStatusReport(
      kind: .failed, hostname: "gate.example", id: "N", messageID: "M", sender: "a@b.example", told: ["a@b.example"],
      arrival: 0, now: 1, zoneOffset: { _ in 0 }, remote: "mx.example", recipients: recipients,
      original: .whole(message), returned: .full
    ).octets()
  }
}
