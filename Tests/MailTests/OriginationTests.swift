// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Mail

@Suite struct OriginationTests {
  @Test("Date and Message-ID are added only where they are missing")
  func missing() {
    let date = "Date: Sat, 21 Nov 2026 04:00:00 +0100\r\n"
    let identifier = "Message-ID: <7KQ3M2XAB.1795230000@gate.example.com>\r\n"
    #expect(added(to: "Subject: x\r\n\r\n") == date + identifier)
    #expect(added(to: "Date: x\r\nSubject: y\r\n\r\n") == identifier)
    #expect(added(to: "Message-ID: <a@b>\r\n\r\n") == date)
    #expect(added(to: "message-id :\r\nDATE: x\r\n\r\n") == "")
    #expect(added(to: "\r\nDate: x\r\n") == date + identifier)
    #expect(added(to: "") == date + identifier)
  }

  @Test("Content without a header is kept apart by an empty line")
  func bodyOnly() {
    #expect(added(to: "scan finished\r\n").hasSuffix("@gate.example.com>\r\n\r\n"))
  }

  @Test("A mailbox line becomes the value of a field, and the header behind it is whole")
  func mailboxLine() {
    let content = "From alice Sat Nov 21 04:00:00 2026\r\nDate: x\r\nMessage-ID: <a@b>\r\n\r\nbody\r\n"
    let prefix = added(to: content)
    #expect(prefix == "X-Mailbox-Line: ")
    var header = HeaderScanner()
    header.consume(Array((TraceFieldTests.ordinary.text() + prefix + content).utf8).span.bytes)
    header.finish()
    #expect(header.receivedCount == 1 && header.hasDate && header.messageID == "<a@b>" && !header.startsWithMailboxLine)
  }

  /// What stands behind the trace field.
  private func added(to content: String) -> String {
    var header = HeaderScanner()
    header.consume(Array(content.utf8).span.bytes)
    header.finish()
    let prefix = String(decoding: Origination.prefix(trace: TraceFieldTests.ordinary, header: header), as: UTF8.self)
    #expect(prefix.hasPrefix(TraceFieldTests.ordinary.text()))
    return String(prefix.dropFirst(TraceFieldTests.ordinary.text().count))
  }
}
