// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import SMTP

@Suite("What an upstream offers decides what it is sent")
struct OfferTests {
  private func dialogue(_ offers: [String]) -> ClientSession {
    var session = ClientSession(policy: ClientPolicy(hostname: "gate.test", security: .none, login: nil), nonce: [])
    var output = ByteBuffer()
    let lines = (["x"] + offers).enumerated().map { "250\($0 == offers.count ? " " : "-")\($1)\r\n" }
    for reply in ["220 x\r\n", lines.joined()] {
      var input = ByteBuffer(string: reply)
      _ = session.received(&input, into: &output)
    }
    return session
  }

  private func message(
    octets: UInt64 = 100, isEightBit: Bool = false, needsUTF8: Bool = false, notification: NotificationWish? = nil
  ) -> ClientTransaction {
    ClientTransaction(
      envelope: Envelope(sender: Address("a@example.org")!, recipients: [Address("b@example.net")!]), octets: octets,
      isEightBit: isEightBit, needsUTF8: needsUTF8, notification: notification)
  }

  @Test(
    "what it cannot take fails with the code that says why, and not a word is sent",
    arguments: [
      (["SIZE 99"], "5.3.4"), (["SIZE 100"], nil), (["SIZE 0"], nil), (["SIZE"], nil), ([], "5.6.3"),
      (["8BITMIME"], "5.6.7"), (["8BITMIME", "SMTPUTF8"], nil),
    ] as [([String], String?)])
  func refusals(offers: [String], status: String?) {
    let isSize = offers.first?.hasPrefix("SIZE") == true
    var session = dialogue(offers)
    var output = ByteBuffer()
    let action = session.deliver(
      message(isEightBit: !isSize, needsUTF8: offers.contains("8BITMIME")), into: &output)
    guard let status else {
      #expect(action == .wait)
      return
    }
    guard case .finished(let results) = action, case .failed(let reply) = results.first else {
      Issue.record("\(action)")
      return
    }
    #expect(reply.status?.description == status && output.readableBytes == 0 && session.isIdle)
  }

  private static let wish = NotificationWish(
    returned: .header, envelopeID: "QQ314159",
    recipients: [.init(events: [.success, .delay], original: "rfc822;b+2Bc@x")])

  @Test(
    "the sender's wishes for reports go where they are understood, in the grammar of RFC 3461",
    arguments: [
      (
        wish, "MAIL FROM:<a@example.org> RET=HDRS ENVID=QQ314159",
        "RCPT TO:<b@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc@x"
      ),
      (
        NotificationWish(recipients: [.init(events: [])]), "MAIL FROM:<a@example.org>",
        "RCPT TO:<b@example.net> NOTIFY=NEVER"
      ),
      (NotificationWish(envelopeID: "a b\r\nRSET"), "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>"),
    ])
  func notification(wish: NotificationWish, mail: String, recipient: String) {
    for offers in [["PIPELINING", "DSN"], ["PIPELINING"]] {
      var session = dialogue(offers)
      var output = ByteBuffer()
      #expect(session.deliver(message(notification: wish), into: &output) == .wait)
      let lines = String(buffer: output).split(separator: "\r\n").map(String.init)
      let isOffered = offers.count == 2
      #expect(
        lines == [
          isOffered ? mail : "MAIL FROM:<a@example.org>", isOffered ? recipient : "RCPT TO:<b@example.net>", "DATA",
        ])
    }
  }

  @Test("an original address beyond ASCII goes in the form that the transaction can hold")
  func unicodeOriginal() {
    let wish = NotificationWish(recipients: [.init(original: "utf-8;j\u{fc}rgen@x.example")])
    for (needsUTF8, sent) in [(true, "j\u{fc}rgen"), (false, "j\\x{FC}rgen")] {
      var session = dialogue(["PIPELINING", "DSN", "SMTPUTF8"])
      var output = ByteBuffer()
      _ = session.deliver(message(needsUTF8: needsUTF8, notification: wish), into: &output)
      let line = String(buffer: output).split(separator: "\r\n")[1]
      #expect(line == "RCPT TO:<b@example.net> ORCPT=utf-8;\(sent)@x.example")
    }
  }

  @Test("recipients who need SMTPUTF8 fail alone where it is not offered; a sender who does fails them all")
  func unicodeAddresses() throws {
    func transaction(_ sender: String, _ recipients: [String]) -> ClientTransaction {
      ClientTransaction(
        envelope: Envelope(sender: Address(sender)!, recipients: recipients.map { Address($0)! }, isUTF8: true),
        octets: 100, isEightBit: false)
    }
    let mixed = transaction("a@example.org", ["j\u{fc}@example.net", "b@example.net"])
    var session = dialogue(["PIPELINING"])
    var output = ByteBuffer()
    #expect(session.deliver(mixed, into: &output) == .wait)
    #expect(String(buffer: output) == "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
    var replies = ByteBuffer(string: "250 ok\r\n250 ok\r\n354 go\r\n")
    #expect(session.received(&replies, into: &output) == .sendContent)
    session.content([0x78], isLast: true, into: &output)
    session.contentSent()
    replies = ByteBuffer(string: "250 taken\r\n")
    guard case .finished(let results) = session.received(&replies, into: &output), results.count == 2,
      case .failed(let refusal) = results[0], case .delivered = results[1]
    else {
      Issue.record("not one failed and one delivered")
      return
    }
    #expect(refusal.status == EnhancedStatus(5, 6, 7) && refusal.isOurs)
    for all in [transaction("j\u{fc}@example.org", ["b@example.net"]), transaction("a@x", ["j\u{fc}@example.net"])] {
      output.clear()
      guard case .finished(let results) = session.deliver(all, into: &output), case .failed(let reply) = results[0]
      else {
        Issue.record("a transaction was begun")
        return
      }
      #expect(reply.status == EnhancedStatus(5, 6, 7) && output.readableBytes == 0 && session.isIdle)
    }
    var offered = dialogue(["PIPELINING", "SMTPUTF8"])
    output.clear()
    _ = offered.deliver(mixed, into: &output)
    #expect(
      String(buffer: output).hasPrefix("MAIL FROM:<a@example.org> SMTPUTF8\r\nRCPT TO:<j\u{fc}@example.net>\r\n"))
  }

  @Test(
    "who wants to hear of success hears it from us where the upstream does not promise to tell",
    arguments: [(false, false), (true, false), (true, true)])
  func relayed(isOffered: Bool, isReplaced: Bool) {
    let wish = NotificationWish(recipients: [
      .init(events: .all), .init(events: .failure), .init(), .init(events: .success),
    ])
    let message = ClientTransaction(
      envelope: Envelope(
        sender: Address("a@example.org")!, recipients: (0..<4).map { Address("r\($0)@example.net")! },
        notification: wish), octets: 1, isEightBit: false, notification: wish, isSenderReplaced: isReplaced)
    var session = dialogue(["PIPELINING"] + (isOffered ? ["DSN"] : []))
    var output = ByteBuffer()
    _ = session.deliver(message, into: &output)
    // Under another sender's name it would tell that one.
    let isAsked = isOffered && !isReplaced
    #expect(String(buffer: output).contains("NOTIFY=") == isAsked)
    var replies = ByteBuffer(string: "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n")
    _ = session.received(&replies, into: &output)
    session.content([0x78], isLast: true, into: &output)
    session.contentSent()
    replies = ByteBuffer(string: "250 taken\r\n")
    let (taken, no) = (Reply(250, nil, "taken"), Reply(550, nil, "no"))
    #expect(
      session.received(&replies, into: &output)
        == .finished([
          isAsked ? .delivered(taken) : .relayed(taken), .delivered(taken), .delivered(taken), .failed(no),
        ]))
  }

  @Test("SMTPUTF8 and BODY are said where the message needs them")
  func parameters() {
    var session = dialogue(["8BITMIME", "SMTPUTF8", "SIZE 1000"])
    var output = ByteBuffer()
    _ = session.deliver(message(isEightBit: true, needsUTF8: true), into: &output)
    #expect(String(buffer: output) == "MAIL FROM:<a@example.org> SIZE=100 BODY=8BITMIME SMTPUTF8\r\n")
  }
}
