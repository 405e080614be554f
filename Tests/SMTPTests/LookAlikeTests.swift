// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import SMTP

/// What looks like the end of a message and is none (SMTP smuggling): behind it stands another message, which must stay
/// content of the first, whatever the pieces that it comes in.
@Suite struct LookAlikeTests {
  /// The sequence, and what the one message hears at its true end.
  static let lookAlikes: [(String, String)] = [
    ("\n.\n", bare), ("\n.\r\n", bare), ("\r\n.\n", bare), ("\r.\r", bare), ("\r\n.\r", bare), ("\r.\r\n", bare),
    ("\r.\n", bare), ("\n.\r", bare), ("\r\n.\r\r\n", bare), ("\n\n.\n\n", bare), ("\n\r.\n\r", bare),
    ("\r\n.\n\r", bare), ("\r\n..\n", bare), ("\r\0\n.\r\0\n", bare), ("\r\n\0.\r\n", nul), ("\r\n.\0\r\n", nul),
    ("\r\n. \r\n", taken), ("\r\n.\t\r\n", taken), ("\r\n.\u{B}\r\n", taken), ("\r\n.\u{C}\r\n", taken),
    ("\u{85}.\u{85}", taken), ("\u{2028}.\u{2028}", taken), ("\r\n\u{FF0E}\r\n", taken), ("\r\n..\r\n", taken),
    ("\r\n .\r\n", taken),
  ]
  private static let bare = "550 5.5.2"
  private static let nul = "550 5.6.0"
  private static let taken = "250 2.0.0"
  private static let smuggled =
    "MAIL FROM:<evil@b.example>\r\nRCPT TO:<victim@d.example>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n"

  @Test("behind DATA", arguments: lookAlikes.indices, [1, 2, 3, 1_000])
  func data(index: Int, piece: Int) {
    let (lookAlike, reply) = Self.lookAlikes[index]
    var session = SessionBoundsTests.session()
    let (said, isClosed) = SessionBoundsTests.say(
      FloodTests.envelope + "DATA\r\nSubject: x\r\n\r\na" + lookAlike + Self.smuggled + ".\r\nNOOP\r\n", piece: piece,
      to: &session)
    let replies = said.split(separator: "\r\n").filter { $0.dropFirst(3).first == " " }
    #expect(replies.count == 6 && !isClosed, "\(said)")
    #expect(replies[3].hasPrefix("354 ") && replies[4].hasPrefix(reply) && replies[5] == "250 2.0.0 OK", "\(said)")
  }

  @Test("in a chunk, where the end of data itself is content too", arguments: lookAlikes.indices, [1, 1_000])
  func chunk(index: Int, piece: Int) {
    for lookAlike in [Self.lookAlikes[index].0, "\r\n.\r\n"] {
      let content = "Subject: x\r\n\r\na" + lookAlike + Self.smuggled
      var session = SessionBoundsTests.session()
      let (said, _) = SessionBoundsTests.say(
        FloodTests.envelope + "BDAT \(content.utf8.count) LAST\r\n" + content + "NOOP\r\n", piece: piece, to: &session)
      let replies = said.split(separator: "\r\n").filter { $0.dropFirst(3).first == " " }
      #expect(replies.count == 5 && replies[4] == "250 2.0.0 OK", "\(said)")
      #expect(replies[3].hasPrefix(lookAlike == "\r\n.\r\n" ? Self.taken : Self.lookAlikes[index].1), "\(said)")
    }
  }

  @Test("a first line that ends in LF makes LF the end of no other line")
  func lineFeedFirst() {
    for content in ["Subject: x\n\r\na\r\n", "Subject: x\nTo: y\n\na\n", "\nSubject: x\r\n"] {
      var session = SessionBoundsTests.session()
      let (said, _) = SessionBoundsTests.say(
        FloodTests.envelope + "DATA\r\n" + content + ".\n" + Self.smuggled + ".\r\nNOOP\r\n", piece: 3, to: &session)
      #expect(
        said.hasSuffix("550 5.5.2 Bare CR or LF in the message; lines end in CRLF\r\n250 2.0.0 OK\r\n"), "\(said)")
    }
  }
}
