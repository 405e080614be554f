// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Mail

@Suite struct HeaderScannerTests {
  static let ordinary =
    "Received: from a by b; x\r\nreceived : from c\r\n by d; y\r\nFROM: a@example.com\r\nSubject: Date: no\r\n"
    + "Date: Sat, 21 Nov 2026 04:00:00 +0100\r\nMessage-Id:\r\n <abc@example.com>\r\n\r\nDate: x\r\nReceived: y\r\n"

  @Test("The fields that matter are found in the header block only")
  func ordinary() {
    let header = scan(Self.ordinary)
    #expect(header.hasDate && header.hasMessageID && header.hasFrom)
    #expect(header.receivedCount == 2)
    #expect(header.messageID == "<abc@example.com>")
    #expect(header.headerOctets == Self.ordinary.utf8.count - "Date: x\r\nReceived: y\r\n".utf8.count)
    #expect(!header.isEightBit && !header.isHeaderTooLong && !header.isBodyOnly && !header.startsWithMailboxLine)
  }

  @Test(
    "Trace fields that we wrote are counted, and only those",
    arguments: [
      ("from a ([192.0.2.7]) by gate.example.com (Postern)\r\n\twith ESMTP id X; d", 1),
      ("from a ([192.0.2.7]) by\r\n\tGate.Example.COM\r\n (postern) with ESMTP id X; d", 1),
      ("from by by gate.example.com (Postern) with SMTP", 1), ("from by by by gate.example.com (Postern) x", 1),
      ("by gate.example.com (Postern) by gate.example.com (Postern) x", 1),
      ("from gate.example.com by mx.example.net (Postern) x", 0), ("from a by gate.example.com (Postfix) x", 0),
      ("from a by gate.example.com x (Postern) x", 0), ("from a by gate.example.comm (Postern) x", 0),
      ("from a by gate.example.co (Postern) x", 0), ("from a (by gate.example.com (Postern)) x", 0),
      (String(repeating: "by ", count: 300) + "gate.example.com (Postern) x", 1),
      (String(repeating: "x", count: 900) + "by gate.example.com (Postern) x", 0),
    ])
  func ownTrace(_ value: String, _ count: Int) {
    let content = "Subject: by gate.example.com (Postern) x\r\nReceived: \(value)\r\n"
    let octets = Array((content + content + "\r\n" + content).utf8)
    for cuts in [[], Array(octets.indices), [60, 61, 70]] {
      #expect(scan(octets, cuts: cuts).ownTraceCount == 2 * count, "\(value)")
    }
  }

  @Test("The field that we write is one that we know")
  func ownTraceField() {
    var field = TraceFieldTests.ordinary
    for hostname in ["gate.example.com", "gate", "", "not a name", String(repeating: "long.", count: 40) + "test"] {
      field.hostname = hostname
      let octets = Array(String(repeating: field.text(), count: 5).utf8)
      #expect(scan(octets, cuts: [], hostname: hostname).ownTraceCount == 5, "\(hostname)")
    }
  }

  @Test("Any way of cutting the content gives the same answer")
  func chunks() {
    let contents = [
      Self.ordinary, "", "\r\n", "\r\nDate: x\r\n", "no header\r\n\r\nDate: x\r\n",
      "From alice Sat Nov 21 04:00\r\nDate: x\r\n",
      "Date: x", "Date", "Bcc", " folded\r\nDate: x\r\n", "A: b\r\nbroken line\r\nDate: x\r\n\r\nbody",
      "Message-ID: <a\u{e9}@b>\r\n",
      "Date x: y\r\n", ": x\r\n", "Date\r\n: x\r\n", "A: b\r\n\rDate: x\r\n", "Date: \n\n",
    ]
    for content in contents {
      let octets = Array(content.utf8)
      let whole = summary(scan(octets, cuts: []))
      for first in 0...octets.count {
        for second in first...octets.count {
          #expect(
            summary(scan(octets, cuts: [first, second])) == whole, "\(content.debugDescription) \(first) \(second)")
        }
      }
      #expect(summary(scan(octets, cuts: Array(octets.indices))) == whole, "\(content.debugDescription)")
    }
  }

  @Test("Content that begins with no field has no header block, and white space or odd names make no field")
  func bodyOnly() {
    for content in ["hello\r\nDate: x\r\n", " x\r\nDate: x\r\n", ": x\r\n", "a b: c\r\n", "Date\u{e9}: x\r\n", "Date"] {
      let header = scan(content)
      #expect(header.isBodyOnly && header.headerOctets == 0 && !header.hasDate, "\(content.debugDescription)")
    }
    for content in ["", "\r\n", "\r\nhello", "A:", "A: b\r\n", "From x Sat 12:00\r\n"] {
      #expect(!scan(content).isBodyOnly, "\(content.debugDescription)")
    }
  }

  @Test("The header block is counted with its empty line, or to the end when there is none")
  func headerOctets() {
    #expect(scan("\r\nbody").headerOctets == 2)
    #expect(scan("A: b\r\n\r\n").headerOctets == 8)
    #expect(scan("A: b\r\n").headerOctets == 6)
    #expect(scan("A: b").headerOctets == 4)
    #expect(scan("").headerOctets == 0)
  }

  @Test("A mailbox line in front does not hide the header")
  func mailboxLine() {
    for start in ["From alice@example.com Sat Nov 21 04:00:00 2026\r\n", ">From alice\r\n"] {
      let header = scan(start + "Date: x\r\n\r\nbody")
      #expect(header.startsWithMailboxLine && header.hasDate && !header.hasFrom)
      #expect(header.headerOctets == start.utf8.count + 11)
    }
  }

  @Test("Only the first message identifier is kept, and only when it can be shown")
  func messageID() {
    #expect(scan("Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n").messageID == "<a@b>")
    #expect(scan("Message-ID: <a@\r\n b>\r\n\r\n<c>").messageID == "<a@b>")
    for value in ["", "a@b", "<>", "<a\u{1b}@b>", "<a\u{e9}@b>", "<" + String(repeating: "a", count: 600) + ">"] {
      let header = scan("Message-ID: \(value)\r\nSubject: <x>\r\n")
      #expect(header.hasMessageID && header.messageID == nil, "\(value.debugDescription)")
    }
  }

  @Test("An eight-bit octet is found wherever it stands, unless the body is skipped")
  func eightBit() {
    for count in [1, 7, 8, 63, 64, 65, 130] {
      for position in 0..<count {
        var octets = Array("A: b\r\n\r\n".utf8) + [UInt8](repeating: 0x7F, count: count)
        octets[8 + position] = 0x80
        #expect(scan(octets, cuts: []).isEightBit)
        #expect(!scan(octets, cuts: [], skipsBody: true).isEightBit)
      }
    }
    #expect(scan(Array("A: \u{e9}\r\n\r\n".utf8), cuts: [5], skipsBody: true).isEightBit)
    #expect(!scan([UInt8](repeating: 0x7F, count: 1000), cuts: []).isEightBit)
  }

  @Test("A header block is too long from the first octet over the limit, however it is cut")
  func headerLimit() {
    let limit = MailLimits.headerOctetsMax
    let filler = Array("X: ".utf8) + [UInt8](repeating: 0x61, count: limit - 7) + Array("\r\n\r\n".utf8)
    let longer = Array("Y: b\r\n".utf8) + filler
    for cuts in [[], [1000], [limit], [limit - 1], Array(stride(from: 0, to: limit, by: 4096))] {
      #expect(filler.count == limit)
      let exact = scan(filler + Array("Date: x".utf8), cuts: cuts)
      #expect(!exact.isHeaderTooLong && exact.headerOctets == limit)
      let over = scan(longer + Array("Date: x".utf8), cuts: cuts)
      #expect(over.isHeaderTooLong && over.headerOctets == 0 && !over.hasDate)
    }
  }

  @Test("Twice the fields take about twice the time, not four times")
  func linearTime() {
    func time(_ fields: Int) -> Duration {
      let octets = Array(String(repeating: "Received: x\r\n by by y\r\nMessage-ID: <a@b>\r\n", count: fields).utf8)
      return (0..<5).map { _ in ContinuousClock().measure { _ = scan(octets, cuts: []) } }.min()!
    }
    // Sixteen times the input: linear gives 16, quadratic 256.
    #expect(time(16_000) < time(1000) * 64)
  }

  private func scan(_ text: String) -> HeaderScanner {
    scan(Array(text.utf8), cuts: [])
  }

  private func scan(
    _ octets: [UInt8], cuts: [Int], hostname: String = "gate.example.com", skipsBody: Bool = false
  ) -> HeaderScanner {
    var scanner = HeaderScanner(hostname: hostname, skipsBody: skipsBody)
    var start = 0
    for end in cuts + [octets.count] {
      scanner.consume(Array(octets[start..<end]).span.bytes)
      start = end
    }
    scanner.finish()
    return scanner
  }

  private func summary(_ header: HeaderScanner) -> String {
    "\(header.hasDate) \(header.hasMessageID) \(header.hasFrom) \(header.receivedCount) \(header.headerOctets) "
      + "\(header.isHeaderTooLong) \(header.isEightBit) \(header.startsWithMailboxLine) \(header.isBodyOnly) "
      + (header.messageID ?? "-")
  }
}
