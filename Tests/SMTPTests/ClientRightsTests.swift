// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import Testing

@testable import SMTP

/// What the admin lets one client do, and what he forbids it.
@Suite("Rights of a client")
struct ClientRightsTests {
  static func session(_ rights: ClientRights, senders: [MailboxPattern]? = nil) -> ServerSession {
    ServerSession(
      policy: ServerPolicy(
        hostname: "gate.test", offersTLS: false, messageOctetsMax: 1_000_000, recipientsMax: 100, senders: senders),
      rights: rights, isTLS: true)
  }

  static let known = ClientRights(mayOmitLogin: true, mayOmitTLS: true)

  static func say(_ text: String, to session: inout ServerSession) -> [String] {
    SessionBoundsTests.say(text, piece: 1_000, to: &session).said.split(separator: "\r\n").map(String.init)
  }

  @Test("whoever may not be another sender hears who it may be")
  func senders() {
    let allowed = [MailboxPattern("@example.com")!, MailboxPattern("fax@")!]
    var session = Self.session(Self.known, senders: allowed)
    let said = Self.say(
      "EHLO x\r\nMAIL FROM:<bob@other.example>\r\nMAIL FROM:<BOB@EXAMPLE.COM>\r\nRSET\r\nMAIL FROM:<fax@a.b>\r\n"
        + "RSET\r\nMAIL FROM:<>\r\n", to: &session)
    #expect(
      said.suffix(6) == [
        "550 5.7.1 Sender bob@other.example not allowed here; allowed: @example.com, fax@", "250 2.1.0 Sender OK",
        "250 2.0.0 OK", "250 2.1.0 Sender OK", "250 2.0.0 OK", "250 2.1.0 Sender OK",
      ])
  }

  @Test("a login is itself, not what it says in MAIL")
  func own() {
    var session = Self.session(ClientRights(), senders: [])
    var input = ByteBuffer(string: "EHLO x\r\nAUTH PLAIN AGFsaWNlAHMzY3JldA==\r\n")
    var output = ByteBuffer()
    guard case .verify = session.received(&input, into: &output) else {
      Issue.record("no login was asked for")
      return
    }
    _ = session.loginChecked(.accepted, mayBe: [MailboxPattern("alice@example.com")!], into: &output)
    let said = Self.say("MAIL FROM:<bob@example.com>\r\nMAIL FROM:<alice@example.com>\r\n", to: &session)
    #expect(
      said == [
        "550 5.7.1 Sender bob@example.com not allowed here; allowed: alice@example.com", "250 2.1.0 Sender OK",
      ])

    session = Self.session(Self.known, senders: [])
    #expect(
      Self.say("EHLO x\r\nMAIL FROM:<bob@example.com>\r\n", to: &session).last
        == "550 5.7.1 Sender bob@example.com not allowed here; allowed: none")
  }

  @Test(
    "a client that has a sender is that one whatever it says, and needs no leave for it",
    arguments: [
      ("<bob@other.example>", "bob@other.example"), ("<>", ""), ("<me@here.example>", nil),
      ("<@a.example,@b.example:\"odd one\"@other.example>", "\"odd one\"@other.example"),
      ("<j\u{f6}rg@other.example> SMTPUTF8", "j\u{f6}rg@other.example"),
    ])
  func forcedSender(said: String, replaced: String?) {
    var rights = Self.known
    rights.sender = Address("me@here.example")
    var session = Self.session(rights, senders: [MailboxPattern("@example.com")!])
    var input = ByteBuffer(string: "EHLO x\r\nMAIL FROM:\(said)\r\nRCPT TO:<a@b.c>\r\nDATA\r\nhi\r\n.\r\n")
    var output = ByteBuffer()
    guard case .commit(let envelope, _) = session.received(&input, into: &output) else {
      Issue.record("refused: \(String(buffer: output))")
      return
    }
    #expect(envelope.sender == rights.sender && session.replacedSender == replaced)
  }

  @Test("the header may say no other author than MAIL may, unless the client has a sender or may be anybody")
  func authors() {
    let allowed = [MailboxPattern("@example.com")!]
    let session = Self.session(Self.known, senders: allowed)
    let refusals: [([String]?, String?)] = [
      (["a@example.com", "B@EXAMPLE.COM"], nil),
      (["a@example.com", "bob@other.example"], "bob@other.example not allowed here"),
      (["\r\n@"], "field has no address that can be read"), (nil, "field has no address that can be read"),
    ]
    for (addresses, reply) in refusals {
      let refusal = reply.map { "550 5.7.1 From \($0); allowed: @example.com" }
      #expect(session.refusal(of: addresses, in: "From")?.description == refusal)
    }
    var rights = Self.known
    rights.sender = Address("me@here.example")
    for (rights, senders) in [
      (rights, allowed), (Self.known, nil), (Self.known, [MailboxPattern("fax@")!, .any]),
    ] as [(ClientRights, [MailboxPattern]?)] {
      #expect(Self.session(rights, senders: senders).refusal(of: nil, in: "From") == nil)
    }
  }

  @Test("a device that may write to some only is told so for each recipient")
  func recipients() {
    var rights = Self.known
    rights.recipients = [MailboxPattern("@example.com")!]
    var session = Self.session(rights)
    let said = Self.say(
      "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<bob@other.example>\r\nRCPT TO:<bob@example.com>\r\n", to: &session)
    #expect(
      said.suffix(2) == [
        "550 5.7.1 Recipient bob@other.example not allowed from here; allowed: @example.com", "250 2.1.5 Recipient OK",
      ])
  }

  @Test(
    "a name that is none is taken from whom it may be, without what could break a trace field",
    arguments: [("My Printer (2nd floor)", "MyPrinter2ndfloor"), ("", "unknown"), ("\"<>", "unknown"), ("näme", "nme")])
  func anyName(name: String, kept: String) {
    var session = Self.session(Self.known)
    #expect(Self.say("EHLO \(name)\r\n", to: &session).first?.hasPrefix("501 5.5.4") == true)
    var rights = Self.known
    rights.mayGiveAnyName = true
    session = Self.session(rights)
    #expect(Self.say("EHLO \(name)\r\n", to: &session).first == "250-gate.test")
    #expect(session.heloName?.text == kept)
  }

  @Test("lines that end in LF are mended, and end no message", arguments: [8, 9, 64, 65_536])
  func lineFeeds(limit: Int) {
    let stream = "a\n.\nb\r\n.\n\n..c\n\r\n..d\r\n.\r\nQUIT\r\n"
    var reader = ContentReader(mendsLineEnds: true)
    var input = ByteBuffer()
    var content = ByteBuffer()
    var taken = ""
    var hasEnded = false
    for octet in stream.utf8 where !hasEnded {
      input.writeInteger(octet)
      reading: while !hasEnded {
        let progress = reader.read(&input, into: &content, limit: limit, isDiscarding: false)
        #expect(content.readableBytes <= limit)
        switch progress {
        case .needsInput: break reading
        case .full: taken += content.readString(length: content.readableBytes)!
        case .ended: hasEnded = true
        }
      }
    }
    taken += content.readString(length: content.readableBytes)!
    #expect(taken == "a\r\n.\r\nb\r\n\r\n\r\n..c\r\n\r\n.d\r\n")
    #expect(hasEnded && !reader.hasBareLineEnd)
  }

  @Test("a bare CR stays refused")
  func carriageReturn() {
    var reader = ContentReader(mendsLineEnds: true)
    var input = ByteBuffer(string: "a\rb\n.\r\n")
    var content = ByteBuffer()
    _ = reader.read(&input, into: &content, limit: 100, isDiscarding: false)
    #expect(reader.hasBareLineEnd)
  }

  @Test(
    "a right counts as used when it was needed, not when it could have been",
    arguments: [
      ("EHLO host.example\r\n", []), ("EHLO my host\r\n", .gaveAnyName), ("HELO\r\n", .gaveAnyName),
      ("EHLO x\r\nMAIL FROM:<a@b.c>\r\n", [.omittedLogin, .omittedTLS]),
      ("MAIL FROM:<a@b.c>\r\n", []),
      ("EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\nDATA\r\na\r\n.\r\n", [.omittedLogin, .omittedTLS]),
      (
        "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\nDATA\r\na\nb\r\n.\r\n",
        [.omittedLogin, .omittedTLS, .endedLinesInLF]
      ),
    ] as [(String, UsedRights)])
  func used(dialogue: String, rights: UsedRights) {
    var all = Self.known
    (all.mayEndLinesInLF, all.mayGiveAnyName) = (true, true)
    var session = ServerSession(
      policy: ServerPolicy(hostname: "gate.test", offersTLS: true, messageOctetsMax: 1_000, recipientsMax: 10),
      rights: all, isTLS: false)
    _ = Self.say(dialogue, to: &session)
    #expect(session.usedRights == rights)
  }
}
