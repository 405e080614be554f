// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import Glibc
import NIOCore
import Testing

@testable import SMTP

/// What stands on the display of a printer, and on the page that the helpdesk has beside it.
@Suite("Texts for a display")
struct DisplayTextTests {
  /// Said by a session to a client, and the last of what it hears.
  @Test(
    "are these, word for word",
    arguments: [
      ("", "220 gate.lan ESMTP postern ready"),
      ("EHLO x|MAIL FROM:<a@example.com>", "530 5.7.0 Login needed: user+password from `postern users` (gate.lan)"),
      ("EHLO x|AUTH PLAIN AGEAYg==", "535 5.7.8 Wrong user or password (printer)"),
      (
        "login|MAIL FROM:<bob@other.example>",
        "550 5.7.1 Sender bob@other.example not allowed here; allowed: @example.com"
      ),
      ("login|MAIL FROM:<a@example.com> SIZE=32505856", "552 5.3.4 Too big: 31 MB, limit 25 MB"),
      ("full|MAIL FROM:<a@example.com>", "452 4.3.1 Gateway disk full, try later (admin was told)"),
      ("fast|MAIL FROM:<a@example.com>", "450 4.7.1 Too many messages from this device (60/h), try in 12 min"),
      ("login|MAIL FROM:<a@example.com>|RCPT TO:<b@example.org>|DATA|x|.", "250 2.0.0 OK queued as 7KQ2M9XF4"),
      ("stop", "421 4.3.2 Restarting, try again in a moment"),
      ("clear|AUTH PLAIN AGEAYg==", "538 5.7.11 Turn on TLS first: port 465 SSL or STARTTLS on 587"),
    ])
  func words(dialogue: String, heard: String) {
    var lines = dialogue.split(separator: "|").map(String.init)[...]
    let kind = lines.first.map { $0.hasPrefix("EHLO") ? "" : $0 } ?? ""
    let rights = ClientRights(mayOmitLogin: ["login", "full", "fast"].contains(kind), clientName: "printer")
    var session = ServerSession(
      policy: ServerPolicy(
        hostname: "gate.lan", offersTLS: true, messageOctetsMax: 25 << 20, recipientsMax: 100,
        senders: [MailboxPattern("@example.com")!]), rights: rights, isTLS: kind != "clear")
    var output = ByteBuffer()
    session.opened(into: &output)
    if kind == "full" { session.intake = Intake(refusal: .diskFull) }
    if kind == "fast" { session.intake = Intake(refusal: .tooManyMessages("60/h", seconds: 720)) }
    if kind == "stop" { _ = session.end(.restarting, into: &output) }
    if !kind.isEmpty {
      lines = lines.dropFirst()
      lines = (kind == "stop" ? [] : ["EHLO x"]) + lines
    }
    var input = ByteBuffer(string: lines.map { "\($0)\r\n" }.joined())
    loop: while true {
      switch session.received(&input, into: &output) {
      case .verify: _ = session.loginChecked(.rejected, into: &output)
      case .commit: session.committed("7KQ2M9XF4", into: &output)
      default: break loop
      }
    }
    #expect(String(buffer: output).split(separator: "\r\n").last.map(String.init) == heard)
  }

  /// Everything that is refused, as `docs/CLIENTS.md` has it; of what is wrong with the syntax of a command one for all.
  static let refusals: [(reply: Reply, command: String, cause: RefusalCause)] = [
    (.loginNeeded("gate.lan"), "MAIL", .noLogin), (.tlsFirst, "MAIL", .noTLS), (.clearTextOnly, "MAIL", .portForNamed),
    (.tlsForLogin, "AUTH", .clearLogin), (.loginRejected("printer"), "AUTH", .wrongPassword),
    (.loginThrottled, "AUTH", .tooManyGuesses), (.tooManyLoginFailures, "AUTH", .tooManyGuesses),
    (.mechanismUnknown, "AUTH", .mechanism), (.bindingMismatch, "AUTH", .mechanism),
    (.certificateMissing, "AUTH", .certificate), (.certificateRefused, "AUTH", .certificate),
    (.certificateOfAnother, "AUTH", .certificate), (.senderNeedsUTF8, "MAIL", .notTakenFurther),
    (.recipientNeedsUTF8, "RCPT", .notTakenFurther), (.tooManyMessagesAtOnce, "DATA", .crowded),
    (.tooManySessionsOfLogin, "AUTH", .sessionsOfClient), (.contentUninvited, "DATA", .dialogue),
    (
      .authorNotAllowed("From", Address("bob@other.example")!, allowed: [MailboxPattern("@example.com")!]),
      "END-OF-MESSAGE", .sender
    ), (.authorUnreadable("From", allowed: [MailboxPattern("@example.com")!]), "END-OF-MESSAGE", .sender),
    (.loginUnavailable, "AUTH", .loginsUnavailable), (.bareLineEnd, "END-OF-MESSAGE", .bareLineEnd),
    (.syntax("that is no host name"), "EHLO", .hostName), (.syntax("your host name is missing"), "HELO", .hostName),
    (.senderNotAllowed(Address("bob@other.example")!, allowed: [MailboxPattern("@example.com")!]), "MAIL", .sender),
    (
      .recipientNotAllowed(Address("bob@other.example")!, allowed: [MailboxPattern("@example.com")!]), "RCPT",
      .recipient
    ), (.tooManyMessages("60/h", seconds: 720), "MAIL", .rate), (.denied, "CONNECT", .denied),
    (.tooBig(31 << 20, limit: 25 << 20), "MAIL", .messageSize), (.headerTooLarge, "END-OF-MESSAGE", .dialogue),
    (.tooManyRecipients, "RCPT", .recipientCount), (.diskFull, "MAIL", .room), (.queueFull, "MAIL", .room),
    (.noRoom, "MAIL", .room), (.diskRefused, "END-OF-MESSAGE", .disk), (.tooManySessions, "CONNECT", .sessions),
    (.tooManySessionsOfClient, "CONNECT", .sessionsOfClient), (.timeout, "COMMAND", .tooSlow),
    (.paused, "COMMAND", .paused), (.restarting, "COMMAND", .restarting),
    (.tlsTooEarly(isOffered: true), "COMMAND", .tlsTooEarly),
    (.tlsTooEarly(isOffered: false), "COMMAND", .tlsTooEarly), (.foreignProtocol("HTTP"), "COMMAND", .foreignProtocol),
    (.loop, "END-OF-MESSAGE", .loop), (.ownLoop, "END-OF-MESSAGE", .loop),
    (.nulInContent, "END-OF-MESSAGE", .dialogue), (.unknownCommand, "COMMAND", .dialogue),
    (.lineTooLong, "COMMAND", .dialogue), (.controlOctets, "COMMAND", .dialogue), (.heloFirst, "MAIL", .dialogue),
    (.mailFirst, "RCPT", .dialogue), (.recipientFirst, "DATA", .dialogue), (.transactionOpen, "MAIL", .dialogue),
    (.badSender, "MAIL", .dialogue), (.badRecipient, "RCPT", .dialogue), (.tlsNotOffered, "STARTTLS", .noTLSHere),
    (.tlsTwice, "STARTTLS", .dialogue), (.notBase64, "AUTH", .dialogue), (.loginMalformed, "AUTH", .dialogue),
    (.tooManyIdleCommands, "COMMAND", .dialogue), (.lineFarTooLong, "COMMAND", .dialogue),
    (.bindingUnknown(PeerText("tls-unique")), "AUTH", .mechanism), (.authLineTooLong, "AUTH", .dialogue),
    (.loginTwice, "AUTH", .dialogue), (.loginCancelled, "AUTH", .dialogue), (.notExpanded, "EXPN", .dialogue),
    (.contentBegun, "DATA", .dialogue), (.badChunkSize, "BDAT", .dialogue),
    (.eightBitAddress, "MAIL", .dialogue), (.unknownParameter("REQUIRETLS"), "MAIL", .dialogue),
    (.syntax("expected FROM:<address>"), "MAIL", .dialogue),
  ]

  /// Said while there is no gateway that could explain it.
  static let unexplained: [Reply] = [.misconfigured]

  @Test("have a cause each, and every cause has one")
  func causes() {
    for (reply, command, cause) in Self.refusals {
      #expect(Refusal(command: command, reply: reply).cause == cause, "\(reply)")
    }
    #expect(Set(Self.refusals.map(\.cause)) == Set(RefusalCause.allCases))
  }

  @Test("stand in docs/CLIENTS.md with what helps, and nothing else does")
  func page() throws {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let file = try #require(fopen("/\(root)/docs/CLIENTS.md", "r"))
    defer { fclose(file) }
    var octets = [UInt8](repeating: 0, count: 1 << 20)
    let page = String(decoding: octets[..<fread(&octets, 1, octets.count, file)], as: UTF8.self)
    let rows = page.split(separator: "\n").filter { $0.wholeMatch(of: /\| `+[245]\d\d .*` \| .+ \|/) != nil }
    let replies = Self.refusals.map(\.reply) + Self.unexplained
    for reply in replies {
      let mark = reply.text.text.contains("`") ? "``" : "`"
      #expect(rows.contains { $0.hasPrefix("| \(mark)\(reply)\(mark) | ") }, "\(reply)")
    }
    #expect(rows.count == replies.count)
  }

  @Test("say what is wrong in sixty characters, where no address is part of them")
  func length() {
    let long: [Reply] = [
      .bindingMismatch, .bindingUnknown(PeerText("tls-unique")), .certificateMissing, .certificateRefused,
      .certificateOfAnother, .senderNeedsUTF8,
      .recipientNeedsUTF8, .authorUnreadable("From", allowed: [MailboxPattern("@example.com")!]),
      .authorNotAllowed("From", Address("bob@other.example")!, allowed: [MailboxPattern("@example.com")!]),
      .senderNotAllowed(Address("bob@other.example")!, allowed: [MailboxPattern("@example.com")!]),
      .recipientNotAllowed(Address("bob@other.example")!, allowed: [MailboxPattern("@example.com")!]),
    ]
    for (reply, _, _) in Self.refusals where !long.contains(reply) {
      #expect(reply.text.text.count <= 60, "\(reply)")
    }
  }

  @Test("of a wrong password are the same for a user that there is not, and repeat nothing that was typed")
  func oneText() {
    for response in ["\0alice\0wrong-horse", "\0hunter2\0alice", "other\0alice\0x", "\0\0x"] {
      var session = ServerSession(
        policy: ServerPolicy(hostname: "gate.lan", offersTLS: false, messageOctetsMax: 1_000, recipientsMax: 10),
        rights: ClientRights(clientName: "printer"), isTLS: true)
      var input = ByteBuffer(string: "EHLO x\r\nAUTH PLAIN \(Base64.encode(Array(response.utf8)))\r\n")
      var output = ByteBuffer()
      if case .verify = session.received(&input, into: &output) {
        #expect(session.refusal(.rejected)?.reply == .loginRejected("printer"))
        _ = session.loginChecked(.rejected, into: &output)
      }
      #expect(String(buffer: output).hasSuffix("\r\n535 5.7.8 Wrong user or password (printer)\r\n"))
    }
  }
}
