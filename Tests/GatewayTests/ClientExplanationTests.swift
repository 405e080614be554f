// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Queue
import SMTP
import TLS
import Testing

@testable import Gateway

@Suite("Why a client cannot get in")
struct ClientExplanationTests {
  private static let now = ClientTableTests.start

  /// What `why` says of a client that heard this reply last.
  private static func explain(
    _ reply: Reply, to command: String = "MAIL", at address: String = "192.168.1.40",
    clients: [Configuration.Client] = [], routes: [Configuration.Route] = [], trusts: Bool = false,
    isRouter: Bool = false
  ) throws -> WhyReply {
    var record = ClientRecord(address: IPAddress(address)!, now: now)
    record.connected(to: "submission", now)
    record.refused(Refusal(command: command, reply: reply), isTelling: true, now)
    return try explain(record, clients: clients, routes: routes, trusts: trusts, isRouter: isRouter)
  }

  private static func explain(
    _ record: ClientRecord?, clients: [Configuration.Client] = [], routes: [Configuration.Route] = [],
    trusts: Bool = false, isRouter: Bool = false
  ) throws -> WhyReply {
    var configuration = Configuration(hostname: "gate.test", upstream: Configuration.Upstream(name: "office"))
    (configuration.clients, configuration.routes) = (clients, routes)
    let findings = ClientFindings(
      subject: record.map { "\($0.address)" } ?? "192.168.1.40", isAddress: true, records: record.map { [$0] } ?? [],
      configuration: configuration, path: "/etc/postern/postern.toml", started: now.wall - 86_400_000,
      ports: [587, 465, 587],
      needsNoLogin: { [configuration] in
        trusts || configuration.client(at: $0)?.allow.contains(.noAuth) == true
      }, isRouter: { _ in isRouter })
    return try ClientExplanation(findings, now: now.wall + 120_000).reply()
  }

  private static func printer(_ address: String, _ allow: Set<Configuration.Client.Exception>) -> Configuration.Client {
    Configuration.Client(name: "printer", addresses: [Network(address)!], allow: allow)
  }

  private static let loginNeeded = Reply(530, EnhancedStatus(5, 7, 0), "Login needed: user+password (gate.test)")
  private static let noTLS = Reply(
    530, EnhancedStatus(5, 7, 0), "Must issue a STARTTLS command first (or port 465 SSL)")
  private static let bareLine = Reply(
    550, EnhancedStatus(5, 5, 2), "Bare CR or LF in the message; lines end in CRLF")

  @Test("a new stanza allows what was missing and nothing more")
  func exceptions() throws {
    for (reply, command, trusts, allow) in [
      (Self.loginNeeded, "MAIL", false, #"["no-auth"]"#), (Self.noTLS, "MAIL", false, #"["no-auth", "plaintext"]"#),
      (Self.noTLS, "MAIL", true, #"["plaintext"]"#), (Self.bareLine, "END-OF-MESSAGE", false, #"["bare-lf"]"#),
      (Reply(501, EnhancedStatus(5, 5, 4), "Syntax: that is no host name"), "HELO", false, #"["any-helo"]"#),
    ] {
      let why = try Self.explain(reply, to: command, trusts: trusts)
      #expect(why.state == "refused")
      #expect(why.reply == reply.description)
      #expect(
        why.stanza
          == WhyReply.Stanza(
            file: "/etc/postern/postern.toml", replaces: nil,
            text: "[[client]]\nname = \"client-192.168.1.40\"\naddress = \"192.168.1.40\"\nallow = \(allow)"))
      #expect(why.actions.last?.command == "postern reload")
    }
  }

  @Test("a stanza of this address is changed in its place, one of its network is narrowed and keeps what it said")
  func existing() throws {
    var own = Self.printer("192.168.1.40", [.plaintext, .noAuth])
    own.rate = Configuration.Rate(count: 60, seconds: 3600)
    own.allowTo = [MailboxPattern("@example.com")!]
    let changed = try Self.explain(Self.bareLine, to: "END-OF-MESSAGE", clients: [own])
    #expect(changed.headline == "Client 192.168.1.40 (printer) was refused at 2026-09-21 14:13:20Z (2 min ago):")
    #expect(changed.stanza?.replaces == "printer")
    #expect(
      changed.stanza?.text == """
        [[client]]
        name = "printer"
        address = "192.168.1.40"
        allow = ["no-auth", "plaintext", "bare-lf"]
        rate = "60/h"
        allow_to = ["@example.com"]
        """)
    let narrowed = try Self.explain(
      Self.bareLine, to: "END-OF-MESSAGE", clients: [Self.printer("192.168.1.0/24", [.noAuth])])
    #expect(narrowed.stanza?.replaces == nil)
    #expect(
      narrowed.stanza?.text == """
        [[client]]
        name = "client-192.168.1.40"
        address = "192.168.1.40"
        allow = ["no-auth", "bare-lf"]
        """)
  }

  @Test("a stanza of other addresses too stays as it is, and this address gets its own")
  func shared() throws {
    for others in [["192.168.1.41", "10.0.0.0/8"], ["198.51.100.0/24"]] {
      var printers = Self.printer("192.168.1.40", [.bareLF])
      printers.addresses += others.compactMap { Network($0) }
      let why = try Self.explain(Self.noTLS, clients: [printers])
      #expect(why.stanza?.replaces == nil)
      #expect(
        why.stanza?.text == """
          [[client]]
          name = "client-192.168.1.40"
          address = "192.168.1.40"
          allow = ["no-auth", "plaintext", "bare-lf"]
          """)
      #expect(
        why.reasons.contains(
          "[[client]] printer is about other addresses too: take 192.168.1.40 out of it, two cannot have it"))
    }
  }

  @Test("a new stanza keeps its client in the routes that are about the one it had")
  func routes() throws {
    func route(_ number: Int, _ clients: Configuration.ClientPattern...) -> Configuration.Route {
      var route = Configuration.Route(number: number, via: ["office"])
      route.clients = clients
      return route
    }
    let named = route(2, .name(TextPattern("Print*")))
    let others = [
      route(1), route(3, .name(TextPattern("scanner"))),
      route(4, .name(TextPattern("printer")), .network(Network("192.168.1.0/24")!)),
      route(5, .name(TextPattern("*"))),
    ]
    func sentences(_ routes: [Configuration.Route], at address: String) throws -> [String] {
      let why = try Self.explain(Self.noTLS, clients: [Self.printer(address, [.noAuth])], routes: routes)
      #expect(why.stanza != nil)
      return why.reasons.filter { $0.contains("[[route]]") }
    }
    #expect(
      try sentences([named] + others, at: "192.168.1.0/24") == [
        "[[route]] 2 is about printer: add \"client-192.168.1.40\" to its client, or the mail of this one goes another way"
      ])
    #expect(try sentences([named] + others, at: "192.168.1.40") == [])
  }

  @Test("a rate is doubled, and a recipient's domain is added, in the stanza that bounds them")
  func bounds() throws {
    var own = Self.printer("192.168.1.40", [.noAuth])
    own.rate = Configuration.Rate(count: 60, seconds: 3600)
    own.allowTo = [MailboxPattern("@example.com")!]
    let rate = try Self.explain(
      Reply(450, EnhancedStatus(4, 7, 1), "Too many messages from this device (60/h), try in 12 min"), clients: [own])
    #expect(rate.stanza?.text.contains("rate = \"120/h\"") == true)
    let recipient = try Self.explain(
      Reply(
        550, EnhancedStatus(5, 7, 1), "Recipient bob@other.example not allowed from here; allowed: @example.com"),
      to: "RCPT", clients: [own])
    #expect(recipient.stanza?.text.contains(#"allow_to = ["@example.com", "@other.example"]"#) == true)
  }

  @Test("what no stanza mends has none, and says what does")
  func others() throws {
    for (reply, command) in [
      (Reply.loginRejected("printer"), "postern users passwd NAME"), (.paused, "postern resume in"),
      (.diskFull, "postern status"), (.denied, nil),
      (Reply(552, EnhancedStatus(5, 3, 4), "Too big: 31 MB, limit 25 MB"), "postern status"),
    ] as [(Reply, String?)] {
      let why = try Self.explain(reply, to: "AUTH")
      #expect(why.stanza == nil)
      #expect(why.actions.first?.command == command)
      #expect(why.reasons.count >= 2)
    }
    #expect(try Self.explain(.denied).reasons[1].contains("[access] deny"))
    // A higher limit of ours would not help where the limit is an upstream's, nor a message that is malformed.
    #expect(
      try Self.explain(Reply(552, EnhancedStatus(5, 3, 4), "Too big: 31 MB, limit 10 MB")).reasons[1]
        .contains("unless an upstream takes no more"))
    #expect(try !Self.explain(.headerTooLarge, to: "END-OF-MESSAGE").reasons[1].contains("max_size"))
  }

  @Test("what the port lacks is not asked of the device, and what passes is not blamed on it")
  func sentences() throws {
    let named = try Self.explain(
      Reply(530, EnhancedStatus(5, 7, 0), "This port is only for clients that the admin named"))
    #expect(named.reasons[1].hasPrefix("that port has no TLS: another port"))
    #expect(named.stanza?.text.hasSuffix(#"allow = ["no-auth", "plaintext"]"#) == true)
    let asked = try Self.explain(Reply(502, EnhancedStatus(5, 5, 1), "STARTTLS is not offered here"), to: "STARTTLS")
    #expect(asked.reasons[1] == "that port has no TLS: another port in the device")
    #expect(asked.stanza == nil)
    for (reply, command) in [
      (Reply(454, EnhancedStatus(4, 7, 0), "Logins cannot be checked at the moment, try again"), "AUTH"),
      (Reply(452, EnhancedStatus(4, 3, 1), "Too many messages are arriving, try again in a moment"), "DATA"),
    ] {
      let why = try Self.explain(reply, to: command)
      #expect(why.reasons[1].contains("it tries again"))
      #expect(why.actions.isEmpty && why.stanza == nil)
    }
  }

  @Test("nobody is shown a stanza that would let in more than this device")
  func unwise() throws {
    let stranger = try Self.explain(Self.loginNeeded, at: "203.0.113.9")
    #expect(stranger.stanza == nil)
    #expect(stranger.reasons.contains { $0.contains("an address of the internet") })
    let router = try Self.explain(Self.loginNeeded, isRouter: true)
    #expect(router.stanza == nil)
    #expect(router.reasons.contains { $0.contains("a router of this host") })
    // Somebody has named it already.
    let named = Configuration.Client(name: "far", addresses: [Network("203.0.113.9")!], allow: [.bareLF])
    #expect(try Self.explain(Self.loginNeeded, at: "203.0.113.9", clients: [named]).stanza != nil)
  }

  @Test("what is allowed by now is not proposed again")
  func mended() throws {
    let why = try Self.explain(Self.loginNeeded, clients: [Self.printer("192.168.1.40", [.noAuth])])
    #expect(why.stanza == nil)
    #expect(why.reasons.contains("the configuration allows that by now; it has not come again since"))
  }

  @Test("of TLS too old the exception is the answer, of a certificate that is not trusted it is not")
  func handshakes() throws {
    func explain(
      _ fault: HandshakeFault, _ reason: String, clients: [Configuration.Client] = []
    ) throws -> WhyReply {
      var record = ClientRecord(address: IPAddress("192.168.1.40")!, now: Self.now)
      record.connected(to: "submissions", Self.now)
      record.handshakeFailed(fault, PeerText(reason), Self.now)
      return try Self.explain(record, clients: clients)
    }
    let old = try explain(.version, "no common tls version: the client offers tls 1.0, the least here is 1.2")
    #expect(old.state == "no-tls")
    #expect(old.stanza?.text.hasSuffix(#"allow = ["tls1.0"]"#) == true)
    #expect(old.reasons[0].hasPrefix("on submissions: no common tls version: the client offers tls 1.0"))
    let ancient = try explain(.version, "no common tls version: the client offers ssl 3.0, the least here is 1.2")
    #expect(ancient.stanza?.text.hasSuffix(#"allow = ["no-auth", "plaintext"]"#) == true)
    #expect(!ancient.reasons.contains { $0.contains("tls1.0") })
    let allowed = try explain(
      .version, "no common tls version: the client offers ssl 3.0, the least here is 1.2",
      clients: [Self.printer("192.168.1.40", [.noAuth, .plaintext])])
    #expect(allowed.stanza == nil)
    #expect(allowed.reasons.contains("the configuration allows plaintext by now; it has not come again since"))
    for fault in [HandshakeFault.unknownAuthority, .certificate, .clearText, .silence] {
      #expect(try explain(fault, "x").stanza == nil)
    }
  }

  @Test("a client that works says so, and one that was never here has a list of what to look at")
  func ends() throws {
    var record = ClientRecord(address: IPAddress("192.168.1.40")!, now: Self.now)
    record.refused(Refusal(command: "MAIL", reply: Self.loginNeeded), isTelling: true, Self.now)
    record.accepted(used: [], ClientTableTests.at(5))
    let works = try Self.explain(record)
    #expect(works.state == "ok")
    #expect(works.headline == "Client 192.168.1.40 hands in mail")
    #expect(works.reasons[1].hasSuffix("530 5.7.0 Login needed: user+password (gate.test)"))

    let error = #expect(throws: AdminError.self) { try Self.explain(nil) }
    #expect(error?.exit == .noInput)
    #expect(error?.message == "192.168.1.40 has not connected since posternd started, 1 d ago")
    #expect(error?.context.first == "we listen on port 465, 587: is that the port in the device, and our address?")
  }

  @Test("every cause and every fault has a sentence")
  func complete() {
    for cause in RefusalCause.allCases { #expect(!ClientAdvice(cause, user: nil).sentences.isEmpty) }
    for fault in HandshakeFault.allCases { #expect(!ClientAdvice(fault).sentences.isEmpty) }
    #expect(ClientAdvice(.wrongPassword, user: "nas").actions.first?.command == "postern users passwd nas")
  }
}
