// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import SMTP

/// A gateway without room says so before content is sent in vain.
@Suite("Without room") struct IntakeTests {
  private func say(_ text: String, to session: inout ServerSession) -> [String] {
    SessionBoundsTests.say(text, piece: 4_096, to: &session).said.split(separator: "\r\n").map(String.init)
  }

  @Test("MAIL is refused, and the session goes on")
  func mail() {
    var session = SessionBoundsTests.session()
    session.intake = Intake(refusal: .diskFull)
    #expect(
      say("HELO a\r\nMAIL FROM:<a@b.c>\r\nNOOP\r\n", to: &session) == [
        "250 gate.test", "452 4.3.1 Gateway disk full, try later (admin was told)", "250 2.0.0 OK",
      ])
    session.intake = .everything
    #expect(say("MAIL FROM:<a@b.c>\r\n", to: &session) == ["250 2.1.0 Sender OK"])
  }

  @Test("a declared size that does not fit is refused, one that fits is not")
  func size() {
    var session = SessionBoundsTests.session()
    session.intake = Intake(octetsMax: 1_000)
    let lines = say(
      "EHLO a\r\nMAIL FROM:<a@b.c> SIZE=1001\r\nMAIL FROM:<a@b.c> SIZE=1000\r\nRSET\r\nMAIL FROM:<a@b.c>\r\n",
      to: &session)
    #expect(
      lines.suffix(4) == [
        "452 4.3.1 No room for a message of that size, try later", "250 2.1.0 Sender OK", "250 2.0.0 OK",
        "250 2.1.0 Sender OK",
      ])
  }

  @Test("a message that was begun is refused at DATA, and taken from there on")
  func data() {
    var session = SessionBoundsTests.session()
    _ = say("EHLO a\r\nMAIL FROM:<a@b.c> SIZE=900\r\nRCPT TO:<d@e.f>\r\n", to: &session)
    session.intake = Intake(octetsMax: 800)
    #expect(say("DATA\r\n", to: &session) == ["452 4.3.1 No room for a message of that size, try later"])
    session.intake = .everything
    #expect(say("DATA\r\n", to: &session).first?.hasPrefix("354 ") == true)
    session.intake = Intake(refusal: .diskFull)
    #expect(say("Subject: s\r\n\r\n.\r\n", to: &session) == ["250 2.0.0 OK queued as ID"])
  }
}
