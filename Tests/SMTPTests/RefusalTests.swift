// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import Testing

@testable import SMTP

/// What the log learns of a refusal: a word of ours for what was refused.
@Suite struct RefusalTests {
  @Test(
    "a refusal names the command that it answers, and never one that is not ours",
    arguments: [
      ("MAIL FROM:<a@example.org>", "MAIL 503"), ("EHLO x\r\nRCPT TO:<a@example.org>", "RCPT 503"),
      ("EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<a b>", "RCPT 501"), ("ehlo", "EHLO 501"),
      ("starttls", "STARTTLS 502"), ("secret words of mine", "COMMAND 500"), ("MAILFROM:<a>", "COMMAND 500"),
      ("AUTHORISE me", "COMMAND 500"), ("GET / HTTP/1.1", "COMMAND 500"), ("EXPN all", "EXPN 502"),
      (
        "EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nbare\nline feed\r\n.",
        "END-OF-MESSAGE 550"
      ),
    ])
  func command(said: String, refusal: String) {
    var session = SessionBoundsTests.session()
    _ = SessionBoundsTests.say("\(said)\r\n", piece: 4096, to: &session)
    #expect(session.takeRefusals().map { "\($0.command) \($0.reply.code)" } == [refusal])
  }

  @Test("a login that was checked is refused without a second word: who checked it tells more")
  func login() {
    for verdict in [ServerSession.LoginVerdict.rejected, .throttled] {
      var session = ServerSession(
        policy: ServerPolicy(hostname: "gate.test", offersTLS: false, messageOctetsMax: 1_000, recipientsMax: 10),
        rights: ClientRights(mayOmitLogin: false, mayOmitTLS: false), isTLS: true)
      var input = ByteBuffer(string: "EHLO x\r\nAUTH PLAIN \(Base64.encode(Array("\0user\0password".utf8)))\r\n")
      var output = ByteBuffer()
      guard case .verify = session.received(&input, into: &output) else {
        Issue.record("no login to check")
        return
      }
      _ = session.loginChecked(verdict, into: &output)
      #expect(session.takeRefusals() == [])
      var cancelled = ByteBuffer(string: "AUTH LOGIN\r\n*\r\n")
      _ = session.received(&cancelled, into: &output)
      #expect(session.takeRefusals().map(\.command) == ["AUTH"])
    }
  }

  @Test(
    "a login in clear is refused unread, and tells who must have another password now",
    arguments: [
      ("PLAIN", "\0alice\0secret", "PLAIN alice true"), ("PLAIN", "\0alice\0", "PLAIN alice false"),
      ("PLAIN", "alice", "PLAIN - false"), ("PLAIN", nil, "PLAIN - false"), ("LOGIN", "alice", "LOGIN alice false"),
      ("LOGIN", nil, "LOGIN - false"), ("SCRAM-SHA-256", "n,,n=alice,r=x", "SCRAM-SHA-256 - false"),
      ("CRAM-MD5", nil, "- - false"),
    ])
  func clearLogin(mechanism: String, response: String?, told: String) throws {
    var session = ServerSession(
      policy: ServerPolicy(hostname: "gate.test", offersTLS: true, messageOctetsMax: 1_000, recipientsMax: 10),
      rights: ClientRights(), isTLS: false)
    let initial = response.map { " " + Base64.encode(Array($0.utf8)) } ?? ""
    _ = SessionBoundsTests.say("EHLO x\r\nAUTH \(mechanism)\(initial)\r\nNOOP\r\nFROB\r\n", piece: 4096, to: &session)
    let refusals = session.takeRefusals()
    #expect(refusals.map(\.reply) == [.tlsForLogin, .unknownCommand])
    let login = try #require(refusals[0].clearLogin)
    #expect("\(login.mechanism?.rawValue ?? "-") \(login.name ?? "-") \(login.isPasswordSent)" == told)
    #expect(refusals[1].clearLogin == nil)
  }

  @Test(
    "another protocol is told so once, and nothing behind its first words is obeyed",
    arguments: [
      ("GET / HTTP/1.1", "This is SMTP, not HTTP"), ("post /x HTTP/1.0", "This is SMTP, not HTTP"),
      ("PRI * HTTP/2.0", "This is SMTP, not HTTP"), ("SSH-2.0-OpenSSH_9.2", "This is SMTP, not SSH"),
      ("REGISTER sip:x SIP/2.0", "This is SMTP, not SIP"),
      ("PROXY TCP4 192.0.2.1", "This is SMTP, not the PROXY protocol"),
      ("\u{16}\u{03}\u{01}\u{02}\n", "SSL from the start is port 465; here is none"),
    ])
  func foreign(line: String, text: String) {
    var session = SessionBoundsTests.session()
    let (said, isClosed) = SessionBoundsTests.say(
      "\(line)\r\nHost: x\r\n\r\nEHLO a\r\nMAIL FROM:<a@b>\r\n", piece: 4096, to: &session)
    #expect(said == "500 5.5.1 \(text)\r\n")
    #expect(isClosed)
    #expect(session.takeRefusals().map { "\($0.command) \($0.reply.code)" } == ["COMMAND 500"])
  }

  @Test("octets that look like TLS are nothing special behind the first command")
  func laterTLS() {
    var session = SessionBoundsTests.session()
    let (said, isClosed) = SessionBoundsTests.say("NOOP\r\n\u{16}\u{03}\u{01}\r\n", piece: 4096, to: &session)
    #expect(said == "250 2.0.0 OK\r\n500 5.5.2 Control characters in a command\r\n")
    #expect(!isClosed)
  }
}
