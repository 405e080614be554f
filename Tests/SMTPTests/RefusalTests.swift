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
}
