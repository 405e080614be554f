// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import Testing

@testable import SMTP

@Suite("A login by certificate")
struct ExternalLoginTests {
  private static let greeting = "EHLO x\r\n"

  /// Under TLS, with this certificate, behind EHLO.
  private static func session(_ certificate: ClientCertificate) -> ServerSession {
    var session = ClientRightsTests.session(ClientRights(), senders: [])
    var output = ByteBuffer()
    session.opened(certificate, into: &output)
    _ = ClientRightsTests.say(greeting, to: &session)
    return session
  }

  /// What it says to these lines, and the login that it wants to have checked.
  private static func play(_ lines: String, _ session: inout ServerSession) -> (said: String, attempt: LoginAttempt?) {
    var input = ByteBuffer(string: lines)
    var output = ByteBuffer()
    let action = session.received(&input, into: &output)
    let attempt: LoginAttempt? = if case .verify(let attempt) = action { attempt } else { nil }
    return (String(buffer: output), attempt)
  }

  @Test("is offered to whom it would let in, and to nobody else")
  func offer() {
    let passwords = "250-AUTH PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS"
    for (certificate, offer) in [
      (ClientCertificate.user("alice"), passwords + " EXTERNAL"), (.missing, passwords), (.refused, passwords),
      (.notAsked, passwords),
    ] {
      var session = ClientRightsTests.session(ClientRights())
      var output = ByteBuffer()
      session.opened(certificate, into: &output)
      let said = ClientRightsTests.say(Self.greeting, to: &session)
      #expect(said.filter { $0.hasPrefix("250-AUTH") } == [offer])
    }
  }

  @Test(
    "is one as the user of the certificate, who may be named",
    arguments: ["AUTH EXTERNAL =\r\n", "AUTH EXTERNAL\r\n\r\n", "AUTH EXTERNAL YWxpY2U=\r\n"])
  func accepted(lines: String) {
    var session = Self.session(.user("alice"))
    let (said, attempt) = Self.play(lines, &session)
    #expect(said == (lines.hasSuffix("\r\n\r\n") ? "334 \r\n" : ""))
    #expect(attempt == LoginAttempt(name: "alice", evidence: .certificate, mechanism: .external))
    var output = ByteBuffer()
    #expect(session.loginChecked(.accepted, mayBe: [MailboxPattern("a@b.c")!], into: &output) == .wait)
    #expect(String(buffer: output) == "235 2.7.0 Login accepted\r\n" && session.login == "alice")
    // And is bound to what this login may be.
    #expect(
      ClientRightsTests.say("MAIL FROM:<x@b.c>\r\nMAIL FROM:<a@b.c>\r\n", to: &session).map { $0.prefix(3) }
        == ["550", "250"])
  }

  @Test(
    "is refused as anybody else, without a certificate, and in nonsense",
    arguments: [
      (ClientCertificate.user("alice"), "Ym9i", "535 5.7.8 Client certificate is not that user's"),
      (.user("alice"), "YWxpY2UA", "535 5.7.8 Client certificate is not that user's"),
      (.user("alice"), "QUxJQ0U=", "535 5.7.8 Client certificate is not that user's"),
      (.user("alice"), "!", "501 5.5.2 That is not base64"),
      (.user("alice"), "\r\n*", "334 \r\n501 5.7.0 Login cancelled"),
      (.missing, "=", "535 5.7.8 No client certificate was shown here"),
      (.missing, "YWxpY2U=", "535 5.7.8 No client certificate was shown here"), (.missing, "", "535 5.7.8 No client"),
      (.refused, "YWxpY2U=", "535 5.7.8 Client certificate is not accepted"), (.refused, "", "535 5.7.8 Client cert"),
      (.notAsked, "=", "504 5.5.4 Mechanism is not offered"),
    ])
  func refused(certificate: ClientCertificate, response: String, expected: String) {
    var session = Self.session(certificate)
    let (said, attempt) = Self.play("AUTH EXTERNAL\(response.hasPrefix("\r") ? "" : " ")\(response)\r\n", &session)
    #expect(said.hasPrefix(expected) && attempt == nil && session.login == nil)
    // Whoever has it may still have a password.
    #expect(Self.play("AUTH PLAIN AGFsaWNlAHMzY3JldA==\r\n", &session).attempt?.mechanism == .plain)
  }

  @Test("of a user who is none any more is refused, and tries are counted")
  func rejected() {
    var session = Self.session(.user("alice"))
    for number in 1...Limits.loginFailuresMax {
      #expect(Self.play("AUTH EXTERNAL =\r\n", &session).attempt != nil)
      var output = ByteBuffer()
      let action = session.loginChecked(.rejected, into: &output)
      #expect(String(buffer: output).hasPrefix("535 5.7.8 Client certificate is not accepted"))
      #expect(action == (number == Limits.loginFailuresMax ? .close : .wait))
    }
  }

  @Test("needs the handshake of this session: in clear there is none, and STARTTLS brings its own")
  func startTLS() {
    var session = ServerSession(
      policy: ServerPolicy(hostname: "gate.test", offersTLS: true, messageOctetsMax: 1_000_000, recipientsMax: 100),
      rights: ClientRights(), isTLS: false)
    var output = ByteBuffer()
    session.opened(into: &output)
    let clear = ClientRightsTests.say("EHLO x\r\nAUTH EXTERNAL =\r\nSTARTTLS\r\n", to: &session)
    #expect(clear.suffix(2).map { $0.prefix(3) } == ["538", "220"] && !clear.contains { $0.hasPrefix("250-AUTH") })
    session.tlsStarted(.user("alice"))
    #expect(Self.play("AUTH EXTERNAL =\r\n", &session).said == "503 5.5.1 Say EHLO first\r\n")
    _ = ClientRightsTests.say(Self.greeting, to: &session)
    #expect(Self.play("AUTH EXTERNAL =\r\n", &session).attempt?.name == "alice")
  }
}
