// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import SMTP

/// What the transcript of chunks cannot show: any cut of the stream, any cut into chunks, and sizes that lie.
@Suite struct ChunkTests {
  static let envelope = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n"
  static let taken = "250 2.1.0 Sender OK\r\n250 2.1.5 Recipient OK\r\n"

  static func opened() -> ServerSession {
    var session = SessionBoundsTests.session()
    _ = SessionBoundsTests.say("EHLO nas.lan\r\n", piece: 100, to: &session)
    return session
  }

  @Test("content is the same however it is cut into chunks", arguments: 1...12)
  func cuts(chunk: Int) {
    let text = "Subject: x\r\n\r\n.\r\n..\r\nend"
    var reader = ChunkReader()
    var content = ByteBuffer()
    for start in stride(from: 0, to: text.utf8.count, by: chunk) {
      let piece = Array(text.utf8)[start..<min(start + chunk, text.utf8.count)]
      var input = ByteBuffer(bytes: piece)
      input.writeString("NOOP\r\n")
      reader.begin(UInt64(piece.count))
      #expect(reader.read(&input, into: &content, limit: 1_000, isDiscarding: false) == .ended)
      #expect(String(buffer: input) == "NOOP\r\n")
    }
    reader.finish()
    #expect(String(buffer: content) == text)
    #expect(!reader.hasBareLineEnd && !reader.hasNUL)
  }

  @Test(
    "CR and LF apart are seen wherever the chunks are cut",
    arguments: ["a\nb\r\n", "\na", "a\r", "a\rb\r\n", "a\r\r\n", "\r\n\n", "a\r\n\rb\r\n", "\r"], 1...4)
  func bareLineEnds(text: String, chunk: Int) {
    var reader = ChunkReader()
    var content = ByteBuffer()
    let octets = Array(text.utf8)
    for start in stride(from: 0, to: octets.count, by: chunk) {
      var input = ByteBuffer(bytes: octets[start..<min(start + chunk, octets.count)])
      reader.begin(UInt64(input.readableBytes))
      _ = reader.read(&input, into: &content, limit: 1_000, isDiscarding: false)
    }
    reader.finish()
    #expect(reader.hasBareLineEnd)
  }

  @Test("one reply to each chunk, whatever pieces the network makes", arguments: [1, 2, 7, 1_000])
  func pieces(piece: Int) {
    var session = Self.opened()
    let text = Self.envelope + "BDAT 12\r\nSubject: x\r\nBDAT 9 LAST\r\n\r\nNOOP\r\n.NOOP\r\n"
    let (said, isClosed) = SessionBoundsTests.say(text, piece: piece, to: &session)
    #expect(said == Self.taken + "250 2.0.0 12 octets so far\r\n250 2.0.0 OK queued as ID\r\n250 2.0.0 OK\r\n")
    #expect(!isClosed)
  }

  @Test(
    "content with a bare line end or a NUL is refused at the end of its chunk, and so is the rest",
    arguments: ["\n", "\0"])
  func refused(octet: String) {
    var session = Self.opened()
    let text = Self.envelope + "BDAT 3\r\na\(octet)bBDAT 6 LAST\r\nQUIT\r\nNOOP\r\nRSET\r\n"
    let (said, isClosed) = SessionBoundsTests.say(text, piece: 5, to: &session)
    let replies = said.dropFirst(Self.taken.count).split(separator: "\r\n").map { $0.prefix(4) }
    #expect(replies == ["550 ", "550 ", "250 ", "250 "])
    #expect(!isClosed && session.transaction == nil)
  }

  @Test(
    "a size that cannot be kept ends the session, and nothing behind it is obeyed",
    arguments: [
      "", "abc LAST", "-1", "+5", "0x10", "1.0", "0 FIRST", "0 LAST x", "18446744073709551617", "0  LAST", "1e3",
    ])
  func sizes(argument: String) {
    var session = Self.opened()
    let text = Self.envelope + "BDAT \(argument)\r\nNOOP\r\n"
    let (said, isClosed) = SessionBoundsTests.say(text, piece: 100, to: &session)
    #expect(said == Self.taken + "501 5.5.4 Syntax: BDAT takes a number of octets and LAST; closing\r\n")
    #expect(isClosed)
  }

  @Test("more than fits is refused before it comes; without a message the session ends over it")
  func oversize() {
    let endless = "18446744073709551615"
    for (text, size, closes) in [
      (Self.envelope, "1000001", false), (Self.envelope, endless, true), ("", "1000001", true), ("", endless, true),
    ] {
      var session = Self.opened()
      let (said, isClosed) = SessionBoundsTests.say(text + "BDAT \(size) LAST\r\nNOOP\r\n", piece: 9, to: &session)
      #expect(said == (text.isEmpty ? "" : Self.taken) + "552 5.3.4 Too big, limit 977 KB\r\n")
      #expect(isClosed == closes)
    }
  }

  @Test("what is stored of a message is forgotten with it", arguments: ["RSET", "EHLO nas.lan", "BDAT 2000000 LAST"])
  func forgotten(command: String) {
    var session = Self.opened()
    let chunk = String(repeating: String(repeating: "x", count: 78) + "\r\n", count: 2_000)
    var input = ByteBuffer(string: Self.envelope + "BDAT \(chunk.utf8.count)\r\n" + chunk + command + "\r\n")
    var output = ByteBuffer()
    var actions: [String] = []
    loop: while true {
      switch session.received(&input, into: &output) {
      case .store:
        actions.append("store")
        session.stored()
      case .abandon: actions.append("abandon")
      case .wait: break loop
      case let other: actions.append("\(other)")
      }
    }
    #expect(actions.first == "store" && actions.last == "abandon" && actions.filter { $0 == "abandon" }.count == 1)
  }

  @Test("a message whose first chunk had no room is not taken without it, though there is room meanwhile")
  func withoutBeginning() {
    var session = Self.opened()
    session.intake = Intake(refusal: .diskFull)
    // The envelope came before.
    session.intake = .everything
    _ = SessionBoundsTests.say(Self.envelope, piece: 100, to: &session)
    session.intake = Intake(refusal: .diskFull)
    #expect(SessionBoundsTests.say("BDAT 4\r\na\r\n", piece: 100, to: &session).said == "")
    session.intake = .everything
    let (said, _) = SessionBoundsTests.say("\nBDAT 3 LAST\r\nb\r\nBDAT 0 LAST\r\n", piece: 100, to: &session)
    let replies = said.split(separator: "\r\n").map { $0.prefix(4) }
    #expect(replies == ["452 ", "452 ", "503 "])
    #expect(session.transaction == nil)
  }

  @Test("octets of a refused chunk count as content, and as no line")
  func slowDiscard() {
    var session = Self.opened()
    _ = SessionBoundsTests.say(Self.envelope + "BDAT 1000001 LAST\r\n", piece: 100, to: &session)
    let before = session.progress
    _ = SessionBoundsTests.say(String(repeating: "x", count: 4_000), piece: 1, to: &session)
    #expect(session.progress == before && session.contentOctets == 4_000 && session.isTakingContent)
  }

  @Test("an over-long BDAT ends the session: its octets cannot be told from commands", arguments: [100, 5_000])
  func overlong(piece: Int) {
    var session = Self.opened()
    let line = "BDAT 6 LAST" + String(repeating: " ", count: 3_000)
    let (said, isClosed) = SessionBoundsTests.say(Self.envelope + line + "\r\nNOOP\r\n", piece: piece, to: &session)
    #expect(said == Self.taken + "500 5.5.2 Line too long\r\n")
    #expect(isClosed)
  }

  @Test(
    "chunks of nothing, or of nearly nothing, have an end",
    arguments: ["BDAT 0\r\n", "BDAT 1\r\nx", "BDAT 511\r\n" + String(repeating: "x", count: 511)])
  func smallChunks(chunk: String) {
    var session = Self.opened()
    let flood = String(repeating: chunk, count: Limits.idleCommandsAfterLoginMax + 1)
    let (_, isClosed) = SessionBoundsTests.say(Self.envelope + flood, piece: 4_096, to: &session)
    #expect(isClosed)
  }
}
