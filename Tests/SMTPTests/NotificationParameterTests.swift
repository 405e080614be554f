// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SMTP

@Suite("Parameters of MAIL and RCPT are taken in the grammar of RFC 3461, 6531 and 6533, and in no other")
struct NotificationParameterTests {
  private func parsed(_ line: String, isUTF8: Bool = false) -> Result<Command, Reply> {
    Result { () throws(Reply) in try Command.parse(Array(line.utf8)[...], isUTF8: isUTF8) }
  }

  @Test(
    "of MAIL",
    arguments: [
      ("RET=FULL", MailCommand(size: nil, body: .sevenBit, returned: .full)),
      ("ret=hdrs", MailCommand(size: nil, body: .sevenBit, returned: .header)),
      ("ENVID=QQ314159", MailCommand(size: nil, body: .sevenBit, envelopeID: "QQ314159")),
      (
        "ENVID=a+2Bb+20c RET=HDRS",
        MailCommand(size: nil, body: .sevenBit, returned: .header, envelopeID: "a+2Bb+20c")
      ),
      ("SMTPUTF8 BODY=8BITMIME", MailCommand(size: nil, body: .eightBit, isUTF8: true)),
      (
        "ENVID=\(String(repeating: "e", count: 100))",
        MailCommand(size: nil, body: .sevenBit, envelopeID: String(repeating: "e", count: 100))
      ),
    ])
  func mail(parameters: String, command: MailCommand) {
    #expect(parsed("MAIL FROM:<> \(parameters)") == .success(.mail(command)))
  }

  @Test(
    "of RCPT",
    arguments: [
      ("NOTIFY=NEVER", [], nil), ("notify=success", .success, nil),
      ("NOTIFY=SUCCESS,FAILURE,DELAY", .all, nil), ("NOTIFY=DELAY,FAILURE", .usual, nil),
      ("ORCPT=rfc822;bob+2Btag@example.net", nil, "rfc822;bob+2Btag@example.net"),
      ("NOTIFY=FAILURE ORCPT=x400;a", .failure, "x400;a"),
      ("ORCPT=utf-8;j\\x{FC}rgen@example.org", nil, "utf-8;j\\x{FC}rgen@example.org"),
    ] as [(String, NotificationWish.Events?, String?)])
  func recipient(parameters: String, events: NotificationWish.Events?, original: String?) {
    let wish = NotificationWish.OfRecipient(events: events, original: original)
    #expect(
      parsed("RCPT TO:<b@example.net> \(parameters)")
        == .success(.rcpt(RecipientCommand(address: Address("b@example.net")!, wish: wish))))
  }

  @Test(
    "what is wrong with a value is 501, what belongs elsewhere 555",
    arguments: [
      ("MAIL FROM:<> RET=FOO", 501), ("MAIL FROM:<> RET", 501), ("MAIL FROM:<> RET=FULL RET=HDRS", 501),
      ("MAIL FROM:<> ENVID=a+2b", 501), ("MAIL FROM:<> ENVID=a+", 501), ("MAIL FROM:<> ENVID=a=b", 501),
      ("MAIL FROM:<> ENVID=a+0Ab", 501), ("MAIL FROM:<> ENVID=\(String(repeating: "e", count: 101))", 501),
      ("MAIL FROM:<> SMTPUTF8=1", 501), ("MAIL FROM:<> NOTIFY=NEVER", 555), ("MAIL FROM:<> ORCPT=rfc822;a", 555),
      ("RCPT TO:<b@c> NOTIFY=NEVER,SUCCESS", 501), ("RCPT TO:<b@c> NOTIFY=FOO", 501), ("RCPT TO:<b@c> NOTIFY=", 501),
      ("RCPT TO:<b@c> NOTIFY", 501), ("RCPT TO:<b@c> NOTIFY=SUCCESS,,DELAY", 501),
      ("RCPT TO:<b@c> NOTIFY=NEVER NOTIFY=DELAY", 501), ("RCPT TO:<b@c> ORCPT=b@c", 501),
      ("RCPT TO:<b@c> ORCPT=rfc822;", 501), ("RCPT TO:<b@c> ORCPT=;b@c", 501), ("RCPT TO:<b@c> ORCPT=r 2;b", 501),
      ("RCPT TO:<b@c> ORCPT=rfc822;a+0D+0AX-Evil:+20y", 501), ("RCPT TO:<b@c> ORCPT=rfc822;a+00", 501),
      ("RCPT TO:<b@c> ORCPT=rfc822;\(String(repeating: "e", count: 494))", 501),
      ("RCPT TO:<b@c> ORCPT=utf-8;a\\x{A}b", 501), ("RCPT TO:<b@c> ORCPT=utf-8;a\\x{D800}", 501),
      ("RCPT TO:<b@c> ORCPT=utf-8;a\\x{0D}", 501), ("RCPT TO:<b@c> ORCPT=utf-8;a\\x{202E}", 501),
      ("RCPT TO:<b@c> ORCPT=utf-8;a\\y", 501), ("RCPT TO:<b@c> ORCPT=utf-8;a+2B", 501), ("RCPT TO:<b@c> RET=FULL", 555),
      ("RCPT TO:<b@c> SMTPUTF8", 555),
    ])
  func refused(line: String, code: Int) {
    guard case .failure(let reply) = parsed(line) else {
      Issue.record("taken")
      return
    }
    #expect(reply.code == code && reply.status == EnhancedStatus(5, 5, 4))
  }

  @Test("addresses beyond ASCII are for who asked for SMTPUTF8, and must be UTF-8")
  func unicode() throws {
    let (sender, wide) = ("MAIL FROM:<j\u{fc}@b\u{fc}ro.example>", "RCPT TO:<j\u{fc}@b\u{fc}ro.example>")
    #expect(parsed(sender) == .failure(.eightBitAddress) && parsed(wide) == .failure(.eightBitAddress))
    guard case .success(.mail(let mail)) = parsed("\(sender) SMTPUTF8") else {
      Issue.record("refused")
      return
    }
    #expect(mail.isUTF8 && mail.sender?.text == "j\u{fc}@b\u{fc}ro.example")
    #expect(parsed(wide, isUTF8: true) == .success(.rcpt(RecipientCommand(address: mail.sender!))))
    let original = "utf-8;j\u{fc}rgen@example.org"
    #expect(parsed("RCPT TO:<b@c> ORCPT=\(original)") == .failure(.eightBitAddress))
    #expect(
      parsed("RCPT TO:<b@c> ORCPT=\(original)", isUTF8: true)
        == .success(.rcpt(RecipientCommand(address: Address("b@c")!, wish: .init(original: original)))))
    for octets in [[0xFF, 0xFE], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC0, 0x80]] as [[UInt8]] {
      let line = Array("RCPT TO:<a".utf8) + octets + Array("@example.net>".utf8)
      #expect(throws: Reply.eightBitAddress) { try Command.parse(line[...], isUTF8: true) }
      let parameter = Array("RCPT TO:<b@c> ORCPT=utf-8;a".utf8) + octets
      #expect(throws: Reply.self) { try Command.parse(parameter[...], isUTF8: true) }
    }
  }

  @Test("what is decoded is what the sender meant, and a control is in no decoded text")
  func decoded() {
    #expect(OriginalRecipient("RFC822;Bob+20B+40c")?.address == "Bob B@c")
    #expect(OriginalRecipient("rfc822;b")?.type == "rfc822")
    #expect(OriginalRecipient("utf-8;j\\x{FC}rgen\\x{2B}x@example.org")?.address == "j\u{fc}rgen+x@example.org")
    #expect(NotificationWish(envelopeID: "a+2Bb").readableEnvelopeID == "a+b")
    #expect(NotificationWish(envelopeID: "a+0Ab").readableEnvelopeID == nil)
  }

  @Test("a recipient named twice is one, of whom both wishes are kept")
  func twice() {
    var envelope = Envelope(sender: nil, recipients: [])
    let (first, second) = (Address("a@b")!, Address("c@d")!)
    envelope.add(first, .init(), known: nil)
    #expect(envelope.notification == nil)
    envelope.add(second, .init(events: []), known: nil)
    envelope.add(first, .init(events: .success, original: "rfc822;x"), known: 0)
    envelope.add(second, .init(events: .delay), known: 1)
    #expect(envelope.recipients == [first, second])
    #expect(
      envelope.notification?.recipients == [.init(events: .all, original: "rfc822;x"), .init(events: .delay)])
  }
}
