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

  @Test("SMTPUTF8 and BODY are said where the message needs them")
  func parameters() {
    var session = dialogue(["8BITMIME", "SMTPUTF8", "SIZE 1000"])
    var output = ByteBuffer()
    _ = session.deliver(message(isEightBit: true, needsUTF8: true), into: &output)
    #expect(String(buffer: output) == "MAIL FROM:<a@example.org> SIZE=100 BODY=8BITMIME SMTPUTF8\r\n")
  }
}
