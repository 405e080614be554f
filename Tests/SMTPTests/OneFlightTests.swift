// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import SMTP

@Suite("A message in one flight")
struct OneFlightTests {
  private static let content = Array("Subject: t\r\n\r\n.x\r\n".utf8)

  /// A dialogue that stands, with an upstream of which so much is known.
  private func dialogue(
    _ oneFlight: OneFlight = .allowed(lost: 0), offers: String = "250-PIPELINING\r\n250 CHUNKING\r\n"
  ) -> ClientSession {
    var session = ClientSession(
      policy: ClientPolicy(hostname: "gate.test", security: .none, login: nil), nonce: [], oneFlight: oneFlight)
    var output = ByteBuffer()
    for reply in ["220 x\r\n", "250-x\r\n" + offers] {
      var input = ByteBuffer(string: reply)
      _ = session.received(&input, into: &output)
    }
    return session
  }

  private func message(recipients: Int) -> ClientTransaction {
    ClientTransaction(
      envelope: Envelope(sender: nil, recipients: (0..<recipients).map { Address("r\($0)@example.net")! }),
      octets: UInt64(Self.content.count), isEightBit: false)
  }

  /// One flight to so many recipients, answered like this. Returns the end.
  private func fly(_ session: inout ClientSession, recipients: Int, _ replies: [String]) -> ClientSession.Action {
    var output = ByteBuffer()
    #expect(session.deliver(message(recipients: recipients), content: Self.content, into: &output) == .sendFlight)
    session.contentSent()
    let said = String(buffer: output)
    #expect(said.hasSuffix("BDAT 18 LAST\r\nSubject: t\r\n\r\n.x\r\n"))
    return answer(&session, replies)
  }

  private func answer(_ session: inout ClientSession, _ replies: [String]) -> ClientSession.Action {
    var output = ByteBuffer()
    var input = ByteBuffer(string: replies.map { "\($0)\r\n" }.joined())
    return session.received(&input, into: &output)
  }

  private func words(_ results: [RecipientResult]) -> String {
    results.map { result in
      switch result {
      case .delivered: "delivered"
      case .relayed: "relayed"
      case .deferred: "deferred"
      case .failed: "failed"
      case .unknown: "unknown"
      case .untried: "untried"
      }
    }.joined(separator: " ")
  }

  @Test(
    "comes to what each recipient was told, and to nothing where the envelope was refused",
    arguments: [
      ("250 250 250 250", "delivered delivered", false), ("550 503 503 503", "failed failed", true),
      ("451 503 503 503", "deferred deferred", true), ("550 250 250 503", "failed failed", true),
      ("250 550 250 250", "failed delivered", false), ("250 250 550 250", "delivered failed", false),
      ("250 550 450 503", "failed deferred", true), ("250 550 550 554", "failed failed", true),
      ("250 250 452 250", "delivered untried", false), ("250 452 452 503", "deferred deferred", true),
      ("250 250 250 552", "failed failed", true), ("250 250 550 451", "deferred failed", true),
      ("250 250 450 554", "failed deferred", true), ("250 251 252 250", "delivered delivered", false),
    ])
  func results(codes: String, expected: String, resets: Bool) {
    var session = dialogue()
    let end = fly(&session, recipients: 2, codes.split(separator: " ").map { "\($0) x" })
    guard case .finished(let results) = end else {
      Issue.record("\(end)")
      return
    }
    #expect(words(results) == expected && session.isIdle && session.oneFlight == .allowed(lost: 0))
    var output = ByteBuffer()
    _ = session.deliver(message(recipients: 1), content: Self.content, into: &output)
    #expect(String(buffer: output).hasPrefix(resets ? "RSET\r\nMAIL" : "MAIL"))
  }

  @Test(
    "that is answered otherwise than it can be ends the connection, and is the last one with this upstream",
    arguments: [
      ("250 550 550 250", "failed failed"), ("550 503 503 250", "failed failed"),
      ("250 250 250 354", "unknown unknown"),
      ("250 250 250 250 250", "unknown unknown"), ("354", "unknown unknown"), ("250 334", "unknown unknown"),
      ("250 250 250x", "unknown unknown"),
    ])
  func unexpected(codes: String, expected: String) {
    var session = dialogue()
    let end = fly(&session, recipients: 2, codes.split(separator: " ").map { "\($0) x" })
    guard case .failed(let trouble, let results) = end else {
      Issue.record("\(end)")
      return
    }
    #expect(trouble.kind == .broken && words(results) == expected && session.oneFlight == .forbidden)
  }

  @Test("in which one reply too many shifts the others is not taken for delivered, only a farewell may follow")
  func shifted() {
    for (replies, isShifted) in [
      (["250 2.1.0 x", "250 2.1.0 extra", "250 2.1.5 x", "250 2.1.5 x"], true),
      (["250 2.1.0 x", "250 2.1.5 x", "250 2.1.5 x", "250 2.6.0 taken"], false),
      (["250 x", "250 x", "250 x", "250 taken", "421 bye"], false),
    ] {
      var session = dialogue()
      switch fly(&session, recipients: 2, replies) {
      case .finished(let results): #expect(!isShifted && words(results) == "delivered delivered")
      case .failed(_, let results): #expect(isShifted && words(results) == "unknown unknown")
      case let action: Issue.record("\(action)")
      }
    }
  }

  @Test("to an upstream that obeys what it should discard is seen by the first reply too many")
  func doesNotDiscard() {
    var session = dialogue()
    #expect(fly(&session, recipients: 1, ["550 x", "503 x", "503 x"]) == .finished([.failed(Reply(550, nil, "x"))]))
    guard case .failed(let trouble, []) = answer(&session, ["500 Subject: unknown command"]) else {
      Issue.record("the reply was taken for something")
      return
    }
    #expect(trouble.kind == .broken && session.oneFlight == .forbidden)
  }

  @Test("to an upstream that obeys it later ends at RSET, and no recipient fails for it")
  func discardsLate() {
    var session = dialogue()
    #expect(fly(&session, recipients: 1, ["550 x", "503 x", "503 x"]) == .finished([.failed(Reply(550, nil, "x"))]))
    let end = fly(&session, recipients: 1, ["500 Subject: unknown command", "500 x", "250 x", "250 x"])
    guard case .failed(let trouble, let results) = end else {
      Issue.record("\(end)")
      return
    }
    #expect(trouble.kind == .broken && words(results) == "unknown" && session.oneFlight == .forbidden)
  }

  @Test(
    "that is cut off is unknown for all whom nobody refused",
    arguments: [
      ([], "unknown unknown"), (["250"], "unknown unknown"), (["550"], "failed failed"),
      (["250", "250"], "unknown unknown"), (["250", "550"], "failed unknown"),
      (["250", "550", "250"], "failed unknown"),
      (["250", "450", "550"], "deferred failed"), (["250", "250", "452"], "unknown untried"),
    ])
  func drop(replies: [String], expected: String) {
    var session = dialogue()
    #expect(fly(&session, recipients: 2, replies.map { "\($0) x" }) == .wait)
    guard case .failed(let trouble, let results) = session.disconnected(.unreachable, "gone") else {
      Issue.record("no trouble")
      return
    }
    #expect(trouble.kind == .unreachable && words(results) == expected && session.oneFlight == .allowed(lost: 1))
  }

  @Test(
    "at which the upstream says 421 is unknown only where it may have been taken",
    arguments: [
      (["421"], "untried untried"), (["250", "421"], "unknown unknown"), (["250", "250", "421"], "unknown unknown"),
      (["250", "250", "250", "421"], "deferred deferred"), (["250", "550", "250", "421"], "failed deferred"),
    ])
  func busy(replies: [String], expected: String) {
    var session = dialogue()
    guard case .failed(let trouble, let results) = fly(&session, recipients: 2, replies.map { "\($0) x" }) else {
      Issue.record("no trouble")
      return
    }
    #expect(trouble.kind == .busy && words(results) == expected && session.oneFlight == .allowed(lost: 0))
  }

  @Test("is given up when three in a row were lost, not when one came through in between")
  func lostFlights() {
    var oneFlight = OneFlight.allowed(lost: 0)
    for expected in [OneFlight.allowed(lost: 1), .allowed(lost: 2), .forbidden] {
      var session = dialogue(oneFlight)
      _ = fly(&session, recipients: 1, [])
      _ = session.disconnected(.unreachable, "gone")
      #expect(session.oneFlight == expected)
      oneFlight = session.oneFlight
    }
    var session = dialogue(.allowed(lost: 2))
    _ = fly(&session, recipients: 1, ["250 x", "250 x", "250 x"])
    #expect(session.oneFlight == .allowed(lost: 0))
    var known = OneFlight.forbidden
    known.learn(session.oneFlight)
    #expect(known == .forbidden)
  }

  @Test("whose reply comes before its end is written is none")
  func earlyReply() {
    var session = dialogue()
    var output = ByteBuffer()
    #expect(session.deliver(message(recipients: 1), content: Self.content, into: &output) == .sendFlight)
    guard case .failed(let trouble, let results) = answer(&session, ["250 x", "250 x", "250 x"]) else {
      Issue.record("it was taken for the reply")
      return
    }
    #expect(trouble.kind == .broken && words(results) == "unknown")
  }

  @Test(
    "is asked for once of an upstream that offers both extensions, and only then",
    arguments: [
      (OneFlight.untried, "250-PIPELINING\r\n250 CHUNKING\r\n", true), (.untried, "250 CHUNKING\r\n", false),
      (.untried, "250 PIPELINING\r\n", false), (.allowed(lost: 1), "250-PIPELINING\r\n250 CHUNKING\r\n", false),
      (.forbidden, "250-PIPELINING\r\n250 CHUNKING\r\n", false),
    ])
  func probe(known: OneFlight, offers: String, asks: Bool) {
    let session = dialogue(known, offers: offers)
    #expect(session.isIdle == !asks)
  }

  @Test(
    "is allowed by two refusals, and by nothing else",
    arguments: [
      (["503", "503"], OneFlight.allowed(lost: 0), ClientSession.Action.ready),
      (["500", "554"], .allowed(lost: 0), .ready),
      (["503", "250"], .forbidden, .close), (["250"], .forbidden, .close), (["354"], .forbidden, .close),
      (["450"], .forbidden, .close), (["503", "503", "250"], .forbidden, .close), (["what"], .forbidden, .close),
    ])
  func probeAnswers(replies: [String], known: OneFlight, end: ClientSession.Action) {
    var session = dialogue(.untried)
    #expect(answer(&session, replies.map { "\($0) x" }) == end)
    #expect(session.oneFlight == known)
  }

  @Test("is not asked for again where the question was the end of the connection")
  func probeDrop() {
    var session = dialogue(.untried)
    #expect(session.disconnected(.unreachable, "gone") == .close && session.oneFlight == .forbidden)
    session = dialogue(.untried)
    #expect(session.timedOut() == .close && session.oneFlight == .forbidden)
    for replies in [["421 x"], ["503 x", "421 too many errors"]] {
      session = dialogue(.untried)
      #expect(answer(&session, replies) == .close && session.oneFlight == .forbidden)
    }
  }

  // MARK: larger content

  @Test("is not for content that is larger: it goes in chunks when the envelope is answered, with no dot doubled")
  func chunks() {
    var session = dialogue()
    var output = ByteBuffer()
    #expect(session.deliver(message(recipients: 1), into: &output) == .wait)
    #expect(String(buffer: output).hasSuffix("RCPT TO:<r0@example.net>\r\n"))
    #expect(answer(&session, ["250 x", "250 x"]) == .sendContent)
    output.clear()
    session.content(Array("..a\r\n".utf8), isLast: false, into: &output)
    #expect(answer(&session, ["250 x"]) == .wait)
    session.content(Array(".\r\nb".utf8), isLast: true, into: &output)
    session.contentSent()
    #expect(String(buffer: output) == "BDAT 5\r\n..a\r\nBDAT 6 LAST\r\n.\r\nb\r\n")
    #expect(answer(&session, ["250 x"]) == .finished([.delivered(Reply(250, nil, "x"))]))
  }

  @Test("is none where the upstream does not offer it any more")
  func vanished() {
    for offers in ["250 PIPELINING\r\n", "250 CHUNKING\r\n"] {
      var session = dialogue(offers: offers)
      var output = ByteBuffer()
      #expect(session.deliver(message(recipients: 1), content: Self.content, into: &output) == .wait)
      #expect(!String(buffer: output).contains("BDAT"))
    }
  }

  @Test("ends at a chunk that is refused, and what was sent behind it counts for nothing")
  func refusedChunk() {
    var session = dialogue()
    var output = ByteBuffer()
    #expect(session.deliver(message(recipients: 2), into: &output) == .wait)
    #expect(answer(&session, ["250 x", "550 x", "250 x"]) == .sendContent)
    session.content(Array("a\r\n".utf8), isLast: false, into: &output)
    session.content(Array("b\r\n".utf8), isLast: false, into: &output)
    #expect(answer(&session, ["552 full"]) == .wait && !session.wantsContent)
    output.clear()
    session.content(Array("c\r\n".utf8), isLast: true, into: &output)
    #expect(output.readableBytes == 0)
    #expect(
      answer(&session, ["503 x"]) == .finished([.failed(Reply(550, nil, "x")), .failed(Reply(552, nil, "full"))]))
    _ = session.deliver(message(recipients: 1), into: &output)
    #expect(String(buffer: output).hasPrefix("RSET\r\nMAIL"))
  }

  @Test("and what is cut off between chunks is not half a message")
  func cutOff() {
    for isLast in [false, true] {
      var session = dialogue()
      var output = ByteBuffer()
      #expect(session.deliver(message(recipients: 1), into: &output) == .wait)
      #expect(answer(&session, ["250 x", "250 x"]) == .sendContent)
      session.content(Array("a\r\n".utf8), isLast: isLast, into: &output)
      guard case .failed(_, let results) = session.disconnected(.unreachable, "gone") else {
        Issue.record("no trouble")
        return
      }
      #expect(words(results) == (isLast ? "unknown" : "deferred"))
    }
  }
}
