// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import SMTP

@Suite("Content on its way out")
struct OutgoingContentTests {
  private static let texts = [
    "", ".", "..", ".\r\n", "a\r\n.\r\n", ".a\r\n..b\r\n...\r\n", "a.b\r\n c.\r\n", "\r\n.\r\n\r\n", "no end",
    "\r\n.no end",
  ]

  /// As an upstream takes the dots away again, up to the line that is one dot; nil if there is none, or more behind it.
  private func unstuffed(_ sent: String) -> String? {
    var lines = sent.components("\r\n")
    guard lines.popLast() == "", lines.popLast() == ".", !lines.contains(".") else { return nil }
    return lines.map { ($0.hasPrefix(".") ? String($0.dropFirst()) : $0) + "\r\n" }.joined()
  }

  @Test(
    "has a dot more in front of each line that begins with one, wherever it is cut, and its end in a line of its own",
    arguments: texts)
  func dots(_ text: String) {
    let octets = Array(text.utf8)
    for first in 0...octets.count {
      for second in first...octets.count {
        var stuffing = DotStuffing()
        var output = ByteBuffer()
        for piece in [octets[..<first], octets[first..<second], octets[second...]] {
          stuffing.write(piece, into: &output)
        }
        stuffing.end(into: &output)
        // What has no line end at its end gets one: the dot must not become a part of the last line.
        let whole = text.isEmpty || text.hasSuffix("\r\n") ? text : text + "\r\n"
        #expect(unstuffed(String(buffer: output)) == whole)
      }
    }
  }

  @Test("goes in chunks of exactly the size that they announce, with a line end behind the last line", arguments: texts)
  func chunks(_ text: String) {
    let message = ClientTransaction(
      envelope: Envelope(sender: nil, recipients: [Address("b@example.net")!]), octets: UInt64(text.utf8.count),
      isEightBit: false)
    var transaction = MailTransaction(message, form: .chunks, offers: Extensions())
    var output = ByteBuffer()
    let half = text.utf8.count / 2
    transaction.write(Array(text.utf8.prefix(half)), isLast: false, into: &output)
    transaction.write(Array(text.utf8.dropFirst(half)), isLast: true, into: &output)
    var rest = String(buffer: output)[...]
    var content = ""
    var isLast = false
    while !isLast, let end = rest.firstRange(of: "\r\n") {
      let words = rest[..<end.lowerBound].split(separator: " ")
      let octets = rest[end.upperBound...].utf8
      guard words.first == "BDAT", let size = Int(words[1]), octets.count >= size else { break }
      content += String(octets.prefix(size))!
      rest = rest[octets.index(octets.startIndex, offsetBy: size)...]
      isLast = words.last == "LAST"
    }
    #expect(isLast && rest.isEmpty)
    #expect(content == (text.isEmpty || text.hasSuffix("\r\n") ? text : text + "\r\n"))
  }

  @Test("is invited by any 3yz, by nothing else, and by none if nobody is left", arguments: [354, 350, 399])
  func invitation(code: Int) {
    for (replies, isInvited) in [(["250 x", "250 x"], true), (["250 x", "550 x"], false)] {
      var session = ClientSession(
        policy: ClientPolicy(hostname: "gate.test", security: .none, login: nil), nonce: [])
      var output = ByteBuffer()
      func answer(_ reply: String) -> ClientSession.Action {
        var input = ByteBuffer(string: "\(reply)\r\n")
        return session.received(&input, into: &output)
      }
      _ = [answer("220 x"), answer("250-x\r\n250 PIPELINING")]
      let message = ClientTransaction(
        envelope: Envelope(sender: nil, recipients: [Address("b@example.net")!]), octets: 3, isEightBit: false)
      #expect(session.deliver(message, into: &output) == .wait)
      for reply in replies { #expect(answer(reply) == .wait) }
      output.clear()
      let action = answer("\(code) go")
      #expect((action == .sendContent) == isInvited)
      #expect(String(buffer: output) == (isInvited ? "" : ".\r\n"))
    }
  }
}

extension String {
  /// Between the line ends; a CRLF is one character.
  fileprivate func components(_ separator: Character) -> [String] {
    split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}
