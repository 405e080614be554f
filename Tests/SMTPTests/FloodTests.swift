// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import SMTP

/// Clients that ask for more than anybody needs, or do not wait to be asked.
@Suite struct FloodTests {
  static let envelope = "EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"

  /// Who has to log in, and is under TLS already unless said.
  static func stranger(recipientsMax: Int = 100, isTLS: Bool = true) -> ServerSession {
    ServerSession(
      policy: ServerPolicy(
        hostname: "gate.test", offersTLS: true, messageOctetsMax: 1_000_000, recipientsMax: recipientsMax),
      rights: ClientRights(), isTLS: isTLS)
  }

  static func codes(_ said: String) -> [String] {
    said.split(separator: "\r\n").filter { $0.dropFirst(3).first == " " }.map { String($0.prefix(3)) }
  }

  @Test(
    "a hundred commands that move no mail, and not one more, before a login",
    arguments: ["NOOP", "RSET", "VRFY x", "HELP", "XYZZY", "EXPN x", "EHLO b", "MAIL FROM:<a@b.example>", "\u{1}"])
  func beforeLogin(command: String) {
    var session = Self.stranger()
    let (said, isClosed) = SessionBoundsTests.say(
      "EHLO a\r\n" + String(repeating: command + "\r\n", count: 500), piece: 777, to: &session)
    #expect(isClosed)
    #expect(said.hasSuffix("421 4.7.0 Too many commands without mail\r\n"))
    // EHLO at the beginning counts too, and what exceeds the bound has its reply before the last word.
    #expect(Self.codes(said).count == Limits.idleCommandsBeforeLoginMax + 2)
  }

  @Test("logins that are begun and cancelled are such commands")
  func cancelledLogins() {
    for begin in ["AUTH LOGIN", "AUTH PLAIN", "AUTH SCRAM-SHA-256", "AUTH XYZ"] {
      var session = Self.stranger()
      let flood = String(repeating: begin + "\r\n*\r\n", count: 500)
      #expect(SessionBoundsTests.say("EHLO a\r\n" + flood, piece: 777, to: &session).isClosed, "\(begin)")
    }
  }

  @Test("a thousand where no login is needed", arguments: ["NOOP", "RSET", "VRFY x", "HELP", "XYZZY"])
  func withoutLogin(command: String) {
    var session = SessionBoundsTests.session()
    let (said, isClosed) = SessionBoundsTests.say(
      String(repeating: command + "\r\n", count: 3_000), piece: 4_096, to: &session)
    #expect(isClosed && Self.codes(said).count == Limits.idleCommandsAfterLoginMax + 2)
  }

  @Test(
    "recipients beyond the limit cost a reply each and no memory, be they different or one", arguments: [true, false])
  func recipients(areDifferent: Bool) {
    var session = SessionBoundsTests.session()
    var (said, isClosed) = SessionBoundsTests.say(
      "EHLO a.example\r\nMAIL FROM:<a@b.example>\r\n", piece: 100, to: &session)
    var sent = 0
    said = ""
    while !isClosed, sent < 1_000_000 {
      let more = SessionBoundsTests.say(
        "RCPT TO:<user\(areDifferent ? sent : 0)@d.example>\r\n", piece: 100, to: &session)
      said += more.said
      isClosed = more.isClosed
      sent += 1
      #expect(session.transaction?.recipients.count ?? 0 <= 100)
    }
    let codes = Self.codes(said)
    #expect(codes.prefix(100).allSatisfy { $0 == "250" })
    #expect(codes.last == "421" && sent < 1_200)
    if areDifferent { #expect(codes[100..<1_100].allSatisfy { $0 == "452" }) }
  }

  @Test("what a client has not read yet is bounded, and what it asked for meanwhile is answered later")
  func unreadReplies() {
    var session = SessionBoundsTests.session()
    var input = ByteBuffer(string: String(repeating: "EHLO a\r\n", count: 900))
    var output = ByteBuffer()
    var greetings = 0
    var sends = 0
    loop: while true {
      let action = session.received(&input, into: &output)
      #expect(output.readableBytes < Limits.unsentReplyOctetsMax + 512)
      greetings += Self.codes(String(buffer: output)).count
      output.clear()
      switch action {
      case .send: sends += 1
      default: break loop
      }
    }
    #expect(greetings == 900 && sends > 10)
  }

  @Test(
    "content that comes along with a DATA that is refused is never taken for commands",
    arguments: [
      "EHLO a.example\r\nDATA\r\n", "EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nDATA\r\n",
      "EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<not an address>\r\nDATA\r\n",
    ])
  func uninvitedContent(envelope: String) {
    var session = SessionBoundsTests.session()
    let smuggled = "Subject: x\r\n\r\n" + Self.envelope + "DATA\r\nevil\r\n.\r\n"
    let (said, isClosed) = SessionBoundsTests.say(envelope + smuggled, piece: 10_000, to: &session)
    #expect(isClosed)
    #expect(Self.codes(said).suffix(2) == ["503", "554"])
    #expect(said.hasSuffix("554 5.5.0 Content came without waiting for 354; closing\r\n"))
  }

  @Test("the whole of a transaction in one segment behind a login that fails moves nothing")
  func failedLogin() {
    var session = Self.stranger()
    var input = ByteBuffer(string: "EHLO a.example\r\nAUTH PLAIN AGFsaWNlAHdyb25n\r\n" + Self.envelope.dropFirst(15))
    var output = ByteBuffer()
    guard case .verify = session.received(&input, into: &output) else {
      Issue.record("no login")
      return
    }
    // What stands behind it waits for the verdict.
    #expect(Self.codes(String(buffer: output)) == ["250"])
    output.clear()
    #expect(session.loginChecked(.rejected, into: &output) == .wait)
    #expect(session.received(&input, into: &output) == .wait)
    #expect(Self.codes(String(buffer: output)) == ["535", "530", "503"])
    #expect(session.login == nil && session.transaction == nil)
  }

  @Test("one session too many of a login is told so, and ends")
  func crowdedLogin() {
    var session = Self.stranger()
    var input = ByteBuffer(string: "EHLO a.example\r\nAUTH PLAIN AGFsaWNlAHdyb25n\r\nNOOP\r\n")
    var output = ByteBuffer()
    _ = session.received(&input, into: &output)
    output.clear()
    #expect(session.loginChecked(.crowded, into: &output) == .close)
    #expect(String(buffer: output) == "421 4.7.0 Too many connections with this login\r\n")
    #expect(session.login == nil)
  }

  @Test(
    "where memory is full of content MAIL is taken and content is not", arguments: ["DATA\r\n", "BDAT 3 LAST\r\na\r\n"])
  func crowded(begin: String) {
    var session = SessionBoundsTests.session()
    session.intake = Intake(isCrowded: true)
    let (said, isClosed) = SessionBoundsTests.say(Self.envelope + begin, piece: 100, to: &session)
    #expect(Self.codes(said) == ["250", "250", "250", "452"] && !isClosed)
    #expect(said.hasSuffix("452 4.3.1 Too many messages are arriving, try again in a moment\r\n"))
    #expect(session.isKeepingContent == false)
  }

  @Test(
    "whoever has not logged in relays nothing, however it is asked for",
    arguments: ["a@b.example", "", "user%victim.example@gate.test", "postmaster", "root@gate.test"],
    [
      "victim@example.net", "victim%example.net@gate.test", "example.net!victim", "\"victim@example.net\"@gate.test",
      "@gate.test:victim@example.net", "@gate.test,@b.example:victim@example.net", "victim@[127.0.0.1]",
      "victim@[IPv6:::1]", "postmaster", "root@gate.test", "\"victim@example.net\"", "victim@example.net@gate.test",
    ])
  func openRelay(sender: String, recipient: String) {
    for isTLS in [true, false] {
      for parameters in ["", " AUTH=<>", " AUTH=admin@gate.test", " BODY=8BITMIME SMTPUTF8"] {
        var session = Self.stranger(isTLS: isTLS)
        _ = SessionBoundsTests.say("EHLO gate.test\r\n", piece: 100, to: &session)
        let (said, _) = SessionBoundsTests.say(
          "MAIL FROM:<\(sender)>\(parameters)\r\n", piece: 100, to: &session)
        #expect(said.hasPrefix("530 5.7.0 "), "\(sender)\(parameters): \(said)")
        let rest = SessionBoundsTests.say(
          "RCPT TO:<\(recipient)>\r\nBDAT 3 LAST\r\na\r\n", piece: 100, to: &session)
        #expect(Self.codes(rest.said).allSatisfy { $0 == "503" || $0 == "501" }, "\(recipient): \(rest.said)")
        #expect(session.transaction == nil)
      }
    }
  }
}
