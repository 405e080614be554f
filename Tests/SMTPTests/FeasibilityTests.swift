// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import SMTP

/// What upstreams announced bounds what clients may hand in.
@Suite("What no upstream takes is refused before it comes") struct FeasibilityTests {
  private func session(_ feasibility: Feasibility, own: UInt64 = 50 << 20) -> ServerSession {
    var session = ServerSession(
      policy: ServerPolicy(hostname: "gate.test", offersTLS: false, messageOctetsMax: own, recipientsMax: 100),
      rights: ClientRights(mayOmitLogin: true, mayOmitTLS: true), isTLS: false)
    session.feasibility = feasibility
    _ = say("EHLO a\r\n", to: &session)
    return session
  }

  private func say(_ text: String, to session: inout ServerSession) -> [String] {
    SessionBoundsTests.say(text, piece: 4_096, to: &session).said.split(separator: "\r\n").map(String.init)
  }

  private func upTo(_ octets: UInt64) -> Feasibility { Feasibility([.init(bounds: .init(octetsMax: octets))]) }

  private let tooBig = "552 5.3.4 Too big: 31 MB, limit 25 MB"

  @Test(
    "SIZE is the smaller one of our limit and the upstreams'",
    arguments: [(50 << 20, 25 << 20), (10 << 20, 10 << 20), (25 << 20, 25 << 20)] as [(UInt64, UInt64)])
  func offered(own: UInt64, offered: UInt64) {
    var session = session(upTo(25 << 20), own: own)
    #expect(say("EHLO a\r\n", to: &session).contains("250-SIZE \(offered)"))
    session.feasibility = .everything
    #expect(say("EHLO a\r\n", to: &session).contains("250-SIZE \(own)"))
  }

  @Test("a declared size is held against what upstreams take now, whatever EHLO said, and both figures are told")
  func declared() {
    var session = session(.everything)
    session.feasibility = upTo(25 << 20)
    #expect(
      say(
        "MAIL FROM:<a@b.c> SIZE=32000000\r\nMAIL FROM:<a@b.c> SIZE=26214401\r\nMAIL FROM:<a@b.c> SIZE=26214400\r\n",
        to: &session) == [tooBig, "552 5.3.4 Too big: 26 MB, limit 25 MB", "250 2.1.0 Sender OK"])
    session.feasibility = upTo(26_000_000)
    #expect(
      say("RSET\r\nMAIL FROM:<a@b.c> SIZE=26000001\r\n", to: &session).last
        == "552 5.3.4 Too big: 26000001 octets, limit 26000000")
    session.feasibility = .everything
    #expect(
      say("RSET\r\nMAIL FROM:<a@b.c> SIZE=32000000\r\n", to: &session) == ["250 2.0.0 OK", "250 2.1.0 Sender OK"])
  }

  private static let envelope = "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n"

  @Test("content that declares nothing ends at the same limit, in DATA and in chunks; the next message is taken")
  func content() {
    var session = session(upTo(1_000))
    let line = String(repeating: "x", count: 98) + "\r\n"
    func data(_ lines: Int) -> String { "DATA\r\n" + String(repeating: line, count: lines) + ".\r\n" }
    #expect(say(Self.envelope + data(11), to: &session).last == "552 5.3.4 Too big, limit 1 KB")
    #expect(say(Self.envelope + data(10), to: &session).last == "250 2.0.0 OK queued as ID")
    func chunks(_ lines: Int) -> String {
      "BDAT 600\r\n" + String(repeating: line, count: 6) + "BDAT \(lines * 100) LAST\r\n"
        + String(repeating: line, count: lines)
    }
    #expect(say(Self.envelope + chunks(5), to: &session).last == "552 5.3.4 Too big, limit 1 KB")
    #expect(say(Self.envelope + chunks(4), to: &session).last == "250 2.0.0 OK queued as ID")
  }

  @Test("the limit of a message that was begun stands still")
  func underWay() {
    var session = session(upTo(1_000))
    _ = say(Self.envelope + "DATA\r\n", to: &session)
    session.feasibility = upTo(10)
    let content = String(repeating: "x", count: 900) + "\r\n.\r\n"
    #expect(say(content, to: &session) == ["250 2.0.0 OK queued as ID"])
    #expect(say(Self.envelope + "DATA\r\n" + content, to: &session).last == "552 5.3.4 Too big, limit 1 KB")
  }

  /// Lists go through one upstream, a department through another, what is large through a third.
  private var routed: Feasibility {
    Feasibility([
      .init(from: [.domain("list.example")], bounds: .init(octetsMax: 1 << 20)),
      .init(to: [.domain("shop.example")], bounds: .init(octetsMax: 40 << 20)),
      .init(octets: (30 << 20)...UInt64.max, bounds: .init(octetsMax: 31 << 20)),
      .init(bounds: .init(octetsMax: 10 << 20)),
    ])
  }

  @Test("with routes the largest of those that may still be the message's counts: at EHLO, at MAIL, at RCPT")
  func routes() {
    var session = session(routed)
    #expect(say("EHLO a\r\n", to: &session).contains("250-SIZE \(40 << 20)"))
    #expect(
      say(
        """
        MAIL FROM:<a@list.example> SIZE=1048577\r
        MAIL FROM:<a@b.c> SIZE=41943041\r
        MAIL FROM:<a@b.c> SIZE=36700160\r
        RCPT TO:<d@e.f>\r
        RCPT TO:<d@shop.example>\r
        RSET\r
        MAIL FROM:<a@b.c> SIZE=32505856\r
        RCPT TO:<d@e.f>\r
        RSET\r
        MAIL FROM:<a@b.c> SIZE=20971520\r
        RCPT TO:<d@e.f>\r

        """, to: &session) == [
          "552 5.3.4 Too big: 2 MB, limit 1 MB", "552 5.3.4 Too big: 41 MB, limit 40 MB", "250 2.1.0 Sender OK",
          "552 5.3.4 Too big: 35 MB, limit 31 MB", "250 2.1.5 Recipient OK", "250 2.0.0 OK", "250 2.1.0 Sender OK",
          "250 2.1.5 Recipient OK", "250 2.0.0 OK", "250 2.1.0 Sender OK", "552 5.3.4 Too big: 20 MB, limit 10 MB",
        ])
  }

  @Test("content is taken as far as one of the recipients can get it")
  func severalRecipients() {
    let ways = Feasibility([
      .init(to: [.domain("small.example")], bounds: .init(octetsMax: 100)), .init(bounds: .init(octetsMax: 1_000)),
    ])
    let content = "DATA\r\n" + String(repeating: "x", count: 500) + "\r\n.\r\n"
    for (recipients, reply) in [
      (["d@small.example"], "552 5.3.4 Too big, limit 1 KB"),
      (["d@small.example", "d@e.f"], "250 2.0.0 OK queued as ID"),
    ] {
      var session = session(ways)
      let envelope = "MAIL FROM:<a@b.c>\r\n" + recipients.map { "RCPT TO:<\($0)>\r\n" }.joined()
      #expect(say(envelope + content, to: &session).last == reply)
    }
  }

  @Test(
    "SMTPUTF8 is not offered where no upstream has it; who asks all the same is told as soon as an address needs it")
  func unicode() {
    var session = session(Feasibility([.init(bounds: .init(takesUTF8: false, takesUTF8Senders: false))]))
    let offers = say("EHLO a\r\n", to: &session)
    #expect(!offers.contains { $0.contains("SMTPUTF8") } && offers.contains("250-8BITMIME"))
    let talk = """
      MAIL FROM:<j\u{fc}@b.c> SMTPUTF8\r
      MAIL FROM:<a@b.c> SMTPUTF8\r
      RCPT TO:<j\u{fc}@e.f>\r
      RCPT TO:<d@e.f>\r
      RSET\r

      """
    #expect(
      say(talk, to: &session) == [
        "550 5.6.7 Sender is not ASCII, and no upstream for it offers SMTPUTF8", "250 2.1.0 Sender OK",
        "553 5.6.7 Recipient is not ASCII, and no upstream for it offers SMTPUTF8", "250 2.1.5 Recipient OK",
        "250 2.0.0 OK",
      ])
    // One that puts another sender in its place takes any.
    session.feasibility = Feasibility([.init(bounds: .init(takesUTF8: false, takesUTF8Senders: true))])
    #expect(say(talk, to: &session).first == "250 2.1.0 Sender OK")
    session.feasibility = Feasibility([
      .init(to: [.domain("b.c")], bounds: .init(takesUTF8: false, takesUTF8Senders: false)), .init(bounds: .init()),
    ])
    #expect(say("EHLO a\r\n", to: &session).contains("250-SMTPUTF8"))
    #expect(
      say("MAIL FROM:<j\u{fc}@b.c> SMTPUTF8\r\nRCPT TO:<\u{fc}@b.c>\r\nRCPT TO:<\u{fc}@e.f>\r\n", to: &session)
        .map { $0.prefix(3) } == ["250", "553", "250"])
  }
}
