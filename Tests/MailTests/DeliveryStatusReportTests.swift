// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Mail

@Suite struct DeliveryStatusReportTests {
  static let trace =
    "Received: from pc.example.com ([192.0.2.7]) by gate.example.com (Postern)\r\n\twith ESMTP id X1;\r\n"
  static let message =
    trace + "From: alice@example.com\r\nTo: bob@example.org\r\nBcc: boss@example.com\r\nSubject: Invoice 118\r\n"
    + "Message-ID: <1@pc.example.com>\r\n\r\nHello Bob,\r\n--x\r\n"

  static func recipient(
    _ address: String = "bob@example.org", _ code: Int = 550, _ status: String? = "5.1.1",
    _ text: String = "no such user here"
  ) -> DeliveryStatusReport.Recipient {
    .init(address: address, code: code, status: status, text: text, isAnswer: true, lastAttempt: 1_795_230_060)
  }

  static func report(
    _ kind: DeliveryStatusReport.Kind = .failed, original: DeliveryStatusReport.Original = .whole(Array(message.utf8)),
    recipients: [DeliveryStatusReport.Recipient] = [recipient()], told: [String] = ["alice@example.com"]
  ) -> DeliveryStatusReport {
    DeliveryStatusReport(
      kind: kind, hostname: "gate.example.com", id: "7KQ3M2XAB", messageID: "7KQ3M2XAA", sender: "alice@example.com",
      told: told, arrival: 1_795_230_000, now: 1_795_230_100, zoneOffset: { _ in 3600 }, remote: "smtp.example.net",
      recipients: recipients, original: original)
  }

  static func text(_ report: DeliveryStatusReport) -> String { String(decoding: report.octets(), as: UTF8.self) }

  @Test("A permanent refusal gives this notification")
  func failure() {
    #expect(
      Self.text(Self.report())
        == """
        Date: Sat, 21 Nov 2026 04:01:40 +0100
        From: Mail Delivery System <MAILER-DAEMON@gate.example.com>
        To: <alice@example.com>
        Subject: Undelivered mail: Invoice 118
        Message-ID: <7KQ3M2XAB.1795230100@gate.example.com>
        In-Reply-To: <1@pc.example.com>
        References: <1@pc.example.com>
        Auto-Submitted: auto-replied
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=delivery-status;
        \tboundary="=_7KQ3M2XAB.000000"

        --=_7KQ3M2XAB.000000
        Content-Description: Notification
        Content-Type: text/plain; charset=us-ascii

        This is an automatic message of the mail gateway gate.example.com.

        Your message of Sat, 21 Nov 2026 04:00:00 +0100 with the subject "Invoice
        118" could not be delivered to:

            bob@example.org

          The other side said: 550 5.1.1 no such user here
          What you can do: look for a typing error in the address; perhaps it no
          longer exists.

        Recipients who are not named here are not concerned. The message is
        attached.
        If you ask your administrator about it, name the message 7KQ3M2XAA.

        --=_7KQ3M2XAB.000000
        Content-Description: Delivery status
        Content-Type: message/delivery-status

        Reporting-MTA: dns; gate.example.com
        X-Postern-Queue-ID: 7KQ3M2XAA
        Arrival-Date: Sat, 21 Nov 2026 04:00:00 +0100

        Final-Recipient: rfc822; bob@example.org
        Action: failed
        Status: 5.1.1
        Remote-MTA: dns; smtp.example.net
        Diagnostic-Code: smtp; 550 5.1.1 no such user here
        Last-Attempt-Date: Sat, 21 Nov 2026 04:01:00 +0100

        --=_7KQ3M2XAB.000000
        Content-Description: Undelivered message
        Content-Type: message/rfc822

        \(Self.message.replacing("Bcc: boss@example.com\r\n", with: "").replacing("\r\n", with: "\n"))
        --=_7KQ3M2XAB.000000--

        """.replacing("\n", with: "\r\n"))
  }

  @Test("A delay says that there is nothing to do, and until when we try")
  func delay() {
    let later = Self.recipient("bob@example.org", 451, "4.3.0", "later")
    let report = Self.report(.delayed(until: 1_795_662_000), recipients: [later])
    let text = Self.text(report)
    #expect(text.contains("\r\nSubject: Mail is delayed: Invoice 118\r\n"))
    let human = unwrapped(DeliveryStatusText(report, ReturnedContent(report)).lines)
    #expect(
      human.contains(
        "Your message of Sat, 21 Nov 2026 04:00:00 +0100 with the subject \"Invoice 118\" is still waiting. It could not "
          + "yet be delivered to:"))
    #expect(human.contains("There is nothing for you to do; please do not send it again."))
    #expect(human.contains("We go on trying until Thu, 26 Nov 2026 04:00:00 +0100"))
    #expect(!human.contains("What you can do"))
    #expect(text.contains("\r\nAction: delayed\r\nStatus: 4.3.0\r\n"))
    #expect(text.contains("\r\nWill-Retry-Until: Thu, 26 Nov 2026 04:00:00 +0100\r\n"))
    #expect(text.contains("text/rfc822-headers") && !text.contains("Hello Bob"))
  }

  @Test("A message whose time was over has the status for that, and it is we who say so")
  func expiry() {
    var recipient = Self.recipient(
      "bob@example.org", 451, "4.4.7", "delivery time expired; last reply: 451 4.3.0 later")
    recipient.isExpired = true
    recipient.isAnswer = false
    let text = Self.text(Self.report(recipients: [recipient]))
    #expect(text.contains("\r\nStatus: 4.4.7\r\nDiagnostic-Code: X-Postern;"))
    #expect(text.contains("What happened: delivery time expired; last reply: 451 4.3.0 later"))
    #expect(!text.contains("Remote-MTA") && !text.contains("The other side said"))
  }

  @Test("What our admin gave up is not laid to the other side")
  func bouncedByAdmin() {
    var recipient = Self.recipient("bob@example.org", 550, "5.7.0", "returned by the administrator")
    recipient.isAnswer = false
    let text = Self.text(Self.report(recipients: [recipient]))
    #expect(text.contains("\r\n  The reason: 550 5.7.0 returned by the administrator\r\n"))
    #expect(text.contains("\r\n  What you can do: ask your administrator.\r\n"))
    #expect(text.contains("\r\nDiagnostic-Code: X-Postern; 550 5.7.0 returned by the administrator\r\n"))
    #expect(!text.contains("other side") && !text.contains("Remote-MTA"))
  }

  @Test(
    "The status fits the action, whatever the reply said",
    arguments: [
      ("5.7.1", 550, true, "5.7.1"), (nil, 550, true, "5.0.0"), ("4.2.2", 550, true, "5.0.0"),
      ("5.1.1", 451, false, "4.0.0"), ("4.7.0", 451, false, "4.7.0"), ("5.1.1\r\nX: y", 550, true, "5.0.0"),
      ("5.1", 550, true, "5.0.0"), ("5..1", 550, true, "5.0.0"),
    ] as [(String?, Int, Bool, String)])
  func status(_ seen: String?, _ code: Int, _ isFailure: Bool, _ written: String) {
    let report = Self.report(
      isFailure ? .failed : .delayed(until: 0), recipients: [Self.recipient("bob@example.org", code, seen, "x")])
    #expect(Self.text(report).contains("\r\nStatus: \(written)\r\n"))
  }

  @Test("Only what is small, 7-bit and the sender's alone goes back whole")
  func returned() {
    func isWhole(_ body: String, told: [String] = ["alice@example.com"]) -> Bool {
      let message = Array((Self.message + body).utf8)
      return Self.text(Self.report(original: .whole(message), told: told)).contains("message/rfc822\r\n")
    }
    #expect(isWhole(""))
    #expect(isWhole(String(repeating: "0123456789\r\n", count: 4_000)))
    #expect(!isWhole(String(repeating: "0123456789\r\n", count: 4_200)))
    #expect(isWhole(String(repeating: "x", count: 998) + "\r\n"))
    #expect(!isWhole(String(repeating: "x", count: 999) + "\r\n"))
    #expect(!isWhole("\u{e9}\r\n"))
    for octet in ["\0", "\r", "\n", "a\rb\r\n"] { #expect(!isWhole(octet), "\(octet.debugDescription)") }
    #expect(!isWhole("", told: ["postmaster@example.com"]))
    #expect(!isWhole("", told: ["alice@example.com", "postmaster@example.com"]))
  }

  @Test("What the sender asked for with RET and ENVID, and whom he wrote to at first, is honoured")
  func wishes() {
    let large = Array((Self.message + String(repeating: "0123456789\r\n", count: 10_000)).utf8)
    func report(_ returned: DeliveryStatusReport.Returned?, _ message: [UInt8], _ kind: DeliveryStatusReport.Kind)
      -> String
    {
      var report = Self.report(kind, original: .whole(message))
      report.returned = returned
      return Self.text(report)
    }
    let (whole, header) = ("Content-Type: message/rfc822\r\n", "Content-Type: text/rfc822-headers\r\n")
    #expect(report(.full, large, .failed).contains(whole) && report(nil, large, .failed).contains(header))
    #expect(report(.header, Array(Self.message.utf8), .failed).contains(header))
    #expect(report(.full, large + large, .failed).count > 200_000)
    #expect(report(.full, (0..<10).flatMap { _ in large }, .failed).contains(header), "1,000,000 octets at most")
    for kind in [DeliveryStatusReport.Kind.relayed, .delayed(until: 0)] {
      #expect(report(.full, Array(Self.message.utf8), kind).contains(header), "RFC 3461 section 4.3")
    }
    var recipient = Self.recipient()
    recipient.original = .init(type: "rfc822", address: "Bob Smith@example.net\r\nX-Evil: y")
    var asked = Self.report(recipients: [recipient])
    asked.envelopeID = "QQ 314159\r\nX-Evil: y"
    let text = Self.text(asked)
    #expect(
      text.contains("\r\n\r\nOriginal-Envelope-Id: QQ 314159??X-Evil: y\r\nReporting-MTA: dns; gate.example.com\r\n"))
    #expect(
      text.contains(
        "\r\n\r\nOriginal-Recipient: rfc822; Bob Smith@example.net??X-Evil: y\r\nFinal-Recipient: rfc822; bob@"))
  }

  @Test("Mail that was passed on to who reports nothing: action, status and words say so")
  func relayed() {
    let report = Self.report(.relayed, recipients: [Self.recipient("bob@example.org", 250, "2.0.0", "queued as 12")])
    let text = Self.text(report)
    #expect(text.contains("\r\nSubject: Mail was passed on: Invoice 118\r\n"))
    #expect(text.contains("\r\nAction: relayed\r\nStatus: 2.0.0\r\n"))
    #expect(text.contains("\r\nDiagnostic-Code: smtp; 250 2.0.0 queued as 12\r\n"))
    let human = unwrapped(DeliveryStatusText(report, ReturnedContent(report)).lines)
    #expect(human.contains("was passed on, as you wanted to know, to the next mail system for:"))
    #expect(human.contains("That system does not report whether mail has arrived"))
    #expect(!human.contains("What you can do") && !text.contains("Hello Bob"))
  }

  @Test("What we decided ourselves is not laid to the other side, and says what to do")
  func ownVerdict() {
    var recipient = Self.recipient(
      "bob@example.org", 554, "5.6.3", "not sent: the message is 8-bit and the upstream does not offer 8BITMIME")
    recipient.isAnswer = false
    let text = Self.text(Self.report(recipients: [recipient]))
    #expect(text.contains("\r\n  The reason: 554 5.6.3 not sent: the message is 8-bit"))
    #expect(text.contains("What you can do: the other side cannot take a message of this form"))
    #expect(text.contains("\r\nStatus: 5.6.3\r\nDiagnostic-Code: X-Postern; 554 5.6.3 not sent:"))
  }

  private static let unicodeMessage =
    trace + "From: J\u{fc}rgen <j\u{fc}rgen@example.com>\r\nSubject: Gr\u{fc}\u{df}e\r\n\r\nHello\r\n"

  @Test("Where nobody is reached without SMTPUTF8 the report is that of RFC 6533")
  func unicode() {
    var recipient = Self.recipient("b\u{f6}b@example.org")
    recipient.original = .init(type: "utf-8", address: "b\u{f6}b+x@example.net")
    var report = Self.report(
      original: .whole(Array(Self.unicodeMessage.utf8)), recipients: [recipient, Self.recipient()],
      told: ["j\u{fc}rgen@example.com"])
    report.sender = "j\u{fc}rgen@example.com"
    let text = Self.text(report)
    #expect(report.isUnicode && text.contains("\r\nTo: <j\u{fc}rgen@example.com>\r\n"))
    #expect(text.contains("multipart/report; report-type=delivery-status;"))
    #expect(
      text.contains("Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\nReporting"))
    #expect(
      text.contains(
        "\r\nOriginal-Recipient: utf-8; b\u{f6}b+x@example.net\r\nFinal-Recipient: utf-8; b\u{f6}b@example.org\r\n"))
    #expect(text.contains("\r\nFinal-Recipient: rfc822; bob@example.org\r\n"))
    #expect(text.contains("Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\nReceived:"))
    #expect(text.contains("Subject: Gr\u{fc}\u{df}e\r\n\r\nHello\r\n"))
    report.returned = .header
    #expect(
      Self.text(report).contains("message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nReceived:"))
    report.original = .whole(Array(Self.unicodeMessage.utf8.dropLast(9)) + [0xFF] + Array("\r\n\r\nHello\r\n".utf8))
    #expect(Self.text(report).contains("text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n"))
  }

  @Test("Anybody else gets 7-bit, and loses nothing of an address")
  func unicodeInASCII() {
    var recipient = Self.recipient("b\u{f6}b+x@example.org")
    recipient.original = .init(type: "utf-8", address: "b\u{f6}b@example.net")
    for told in [["alice@example.com"], ["j\u{fc}rgen@example.com", "postmaster@example.com"]] {
      let octets = Self.report(
        original: .whole(Array(Self.unicodeMessage.utf8)), recipients: [recipient], told: told
      ).octets()
      let text = String(decoding: octets, as: UTF8.self)
      #expect(octets.allSatisfy { $0 < 0x80 })
      #expect(
        text.contains(
          "\r\nOriginal-Recipient: utf-8; b\\x{F6}b@example.net\r\n"
            + "Final-Recipient: utf-8; b\\x{F6}b\\x{2B}x@example.org"))
      #expect(text.contains("Content-Type: message/delivery-status\r\n\r\n"))
      #expect(text.contains("\r\nTo: <\(told.last!)>\r\n"))
      #expect(text.contains("b=C3=B6b+x@example.org"), "people read it as it is")
    }
  }

  @Test("A blind copy is told to nobody, in whichever form the message goes back")
  func blindCopies() {
    for told in [["alice@example.com"], ["postmaster@example.com"]] {
      for kind in [DeliveryStatusReport.Kind.failed, .delayed(until: 0)] {
        #expect(!Self.text(Self.report(kind, told: told)).contains("boss"))
      }
    }
  }

  @Test("A message that the disk lost is reported without it, and the text says so")
  func unreadable() {
    let report = Self.report(original: .unreadable)
    let text = Self.text(report)
    #expect(text.contains("\r\nSubject: Undelivered mail\r\n") && !text.contains("rfc822\r\n"))
    #expect(text.components(of: "--=_7KQ3M2XAB.000000\r\n") == 3)
    #expect(
      unwrapped(DeliveryStatusText(report, ReturnedContent(report)).lines)
        .contains("cannot be attached, because the gateway can no longer read it"))
  }

  @Test("Of a long header the first fields go back, whole")
  func longHeader() {
    let many = (0..<3_000).map { "X-\($0): a\r\n b\r\n" }.joined()
    let message = Array((Self.trace + many + "\r\nbody\r\n").utf8)
    for original in [DeliveryStatusReport.Original.whole(message), .beginning(Array(message.prefix(40_000)))] {
      let returned = ReturnedContent(Self.report(original: original))
      let part = String(decoding: returned.part!, as: UTF8.self)
      #expect(returned.isCut && !returned.isMessage)
      #expect((30_000...32_768 + 200).contains(part.utf8.count))
      #expect(part.hasSuffix(": a\r\n b\r\n") && !part.contains("body"))
    }
    let short = ReturnedContent(Self.report(original: .beginning(Array(Self.message.utf8))))
    #expect(!short.isCut)
    #expect(ReturnedContent(Self.report(original: .beginning(Array(Self.trace.utf8)))).isCut)
  }

  @Test("An eight-bit header goes back in quoted-printable")
  func eightBitHeader() {
    let message = Self.message.replacing("Invoice 118", with: "Rechnung f\u{fc}r M\u{e4}rz")
    let text = Self.text(Self.report(original: .whole(Array(message.utf8))))
    #expect(text.contains("\r\nSubject: Undelivered mail\r\n"))
    #expect(text.contains("text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n"))
    #expect(text.contains("Subject: Rechnung f=C3=BCr M=C3=A4rz\r\n"))
    #expect(text.contains("charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"))
  }

  @Test(
    "Subjects: in the field as they came or not at all, in the text as a person reads them",
    arguments: [
      ("Hello", ": Hello", "Hello"),
      ("=?UTF-8?Q?Gr=C3=BC=C3=9Fe_an_alle?=", ": =?UTF-8?Q?Gr=C3=BC=C3=9Fe_an_alle?=", "Gr\u{fc}\u{df}e an alle"),
      ("Re: =?iso-8859-1?b?RvxyIA==?=\r\n =?utf-8?q?M=C3?= =?utf-8?q?=A4rz?= x", nil, "Re: F\u{fc}r M\u{e4}rz x"),
      ("=?koi8-r?Q?=C1?=", ": =?koi8-r?Q?=C1?=", nil),
      ("=?utf-8?Q?a=0D=0AX:_y=1B[31m?=", ": =?utf-8?Q?a=0D=0AX:_y=1B[31m?=", "a??X: y?[31m"),
      ("=?utf-8?Q?=ff?=", ": =?utf-8?Q?=ff?=", nil),
      ("=?utf-8?Q?a", ": =?utf-8?Q?a", "=?utf-8?Q?a"),
      ("", "", nil),
      (String(repeating: "word ", count: 40), ": " + String(repeating: "word ", count: 23) + "...", nil),
      (String(repeating: "w", count: 200), "", nil),
      ("a\u{1b}[31m", "", "a?[31m"),
    ] as [(String, String?, String?)])
  func subject(_ value: String, _ field: String?, _ shown: String?) {
    let message = Self.message.replacing("Invoice 118", with: value)
    let report = Self.report(original: .whole(Array(message.utf8)))
    let text = Self.text(report)
    let unfolded = text.replacing("\r\n\t", with: " ").replacing("\r\n ", with: " ")
    if let field { #expect(unfolded.contains("\r\nSubject: Undelivered mail\(field)\r\n"), "\(text)") }
    let human = unwrapped(DeliveryStatusText(report, ReturnedContent(report)).lines)
    if let shown { #expect(human.contains(" with the subject \"\(shown)\" could")) }
    if shown == nil, field == "" { #expect(!human.contains("subject")) }
  }

  @Test(
    "Only a plain identifier is answered",
    arguments: [
      ("<a@b>", true), ("<a@b> <c@d>", false), ("a@b", false), ("<a>", false), ("<a@b>\r\n", true), ("<a b@c>", false),
      ("<\"a\"@b>", false), ("<a@b", false), ("<" + String(repeating: "a", count: 600) + "@b>", false),
      ("<é@b>", false),
    ])
  func identifier(_ value: String, _ isAnswered: Bool) {
    let message = Self.message.replacing("<1@pc.example.com>", with: value)
    #expect(
      Self.text(Self.report(original: .beginning(Array(message.utf8)))).contains("\r\nIn-Reply-To: <") == isAnswered)
  }

  @Test("Whoever guesses the boundary gets another")
  func guessedBoundary() {
    let guesses = (0..<300).map { "--=_7KQ3M2XAB.\(String(1_000_000 + $0).dropFirst())--\r\n" }.joined()
    let text = Self.text(Self.report(original: .whole(Array((Self.message + guesses).utf8))))
    #expect(text.contains("boundary=\"=_7KQ3M2XAB.000300\""))
    #expect(text.components(of: "\r\n--=_7KQ3M2XAB.000300") == 5)
  }

  @Test("Ten thousand recipients: fifty for people, all for programs, and a bound on it")
  func manyRecipients() {
    let long = String(repeating: "x", count: 500)
    let all = (0..<10_000).map { Self.recipient("r\($0)@example.org", 550, "5.1.1", long) }
    let report = Self.report(recipients: all)
    let text = Self.text(report)
    #expect(text.components(of: "\r\nFinal-Recipient: rfc822;") == 10_001)
    #expect(text.components(of: "\r\nStatus: 5.1.1\r\n") == 10_001)
    #expect(text.utf8.count < 2 << 20)
    let human = unwrapped(DeliveryStatusText(report, ReturnedContent(report)).lines)
    #expect(human.contains("r49@example.org") && !human.contains("r50@"))
    #expect(human.contains("And 9950 more recipients"))
    #expect(human.components(of: "The other side said") == 2)
  }

  @Test(
    "Whatever peers say, the notification is 7-bit unless it may be UTF-8, short-lined and has its parts",
    arguments: Array(UInt64(1)...6))
  func hostile(seed: UInt64) {
    var generator = SeededGenerator(state: seed)
    let parts = [
      "a", "\r\n", "\r", "\n", "\0", "\u{1b}[2J", "\u{202e}", "\u{e9}", "\u{1F600}", "--=_7KQ3M2XAB.000000", "\r\n\r\n",
      "=", " ", "\t", "Bcc: boss@example.com\r\n", "Subject: ", "Message-ID: <", ">", "@", "=?utf-8?Q?", "?=", ".",
      "From ",
      String(repeating: "y", count: 1_100), String(repeating: "z ", count: 300), "Content-Type: text/html\r\n",
    ]
    for _ in 0..<300 {
      func text(_ count: Int) -> String { generator.string(of: parts, countMax: count) }
      let recipients = (0...Int.random(in: 0...3, using: &generator)).map { _ in
        Self.recipient(text(4), [0, 450, 550].randomElement(using: &generator)!, text(2), text(8))
      }
      let content = Array((Self.trace + text(14)).utf8)
      var report = Self.report(
        .random(using: &generator) ? .failed : .delayed(until: 1 << 40),
        original: .random(using: &generator) ? .whole(content) : .beginning(content), recipients: recipients,
        told: .random(using: &generator) ? ["alice@example.com"] : [text(3), "p@q"])
      if .random(using: &generator) { report.told = ["\u{e9}" + text(3)] }
      report.envelopeID = text(3)
      report.returned = [.full, .header, nil].randomElement(using: &generator)!
      for index in report.recipients.indices where .random(using: &generator) {
        let type = ["rfc822", "utf-8", text(2)].randomElement(using: &generator)!
        report.recipients[index].original = .init(type: type, address: text(4))
      }
      report.hostname = text(2)
      report.messageID = text(2)
      report.remote = text(2)
      if let fault = Self.fault(in: report.octets(), recipients.count, isUnicode: report.isUnicode) {
        Issue.record("seed=\(seed): \(fault): \(String(decoding: report.octets(), as: UTF8.self).debugDescription)")
        return
      }
    }
  }

  /// nil when the octets are a report of that many recipients.
  private static func fault(in octets: [UInt8], _ recipients: Int, isUnicode: Bool) -> String? {
    let text = String(decoding: octets, as: UTF8.self)
    guard octets.allSatisfy({ ($0 < 0x80 || isUnicode) && $0 != 0 }), text.utf8.count == octets.count else {
      return "octets"
    }
    var lines: [String] = []
    for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      guard line.last == UInt8(ascii: "\r") || line.isEmpty else { return "a line end" }
      guard !line.dropLast().contains(UInt8(ascii: "\r")), line.count <= 999 else { return "a line" }
      lines.append(String(decoding: line.dropLast(), as: UTF8.self))
    }
    guard let declared = lines.first(where: { $0.hasPrefix("\tboundary=\"") }) else { return "no boundary" }
    let boundary = declared.dropFirst("\tboundary=\"".count).dropLast()
    let body = text.split(separator: "\r\n\r\n", maxSplits: 1)[1]
    guard text.components(of: "\r\n--\(boundary)\r\n") == 4, String(body).components(of: String(boundary)) == 5,
      lines.suffix(2) == ["--\(boundary)--", ""]
    else { return "parts" }
    let machine = body.replacing("--\(boundary)", with: "\u{1}").split(separator: "\u{1}")[1]
    guard String(machine).components(of: "\r\nFinal-Recipient: ") == recipients + 1,
      String(machine).components(of: "\r\n\r\n") == recipients + 3
    else { return "recipients" }
    return nil
  }

  private func unwrapped(_ lines: [String]) -> String {
    lines.joined(separator: " ").split(separator: " ").joined(separator: " ")
  }
}

extension String {
  /// Pieces between the occurrences of a text.
  fileprivate func components(of text: String) -> Int {
    var count = 1
    var rest = utf8[...]
    while let start = rest.firstIndex(of: text.utf8.first!) {
      if rest[start...].starts(with: text.utf8) { count += 1 }
      rest = rest[rest.index(after: start)...]
    }
    return count
  }
}
