// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import SMTP
import TestKit
import Testing

@testable import Gateway

/// Rows are what an upstream can do wrong, columns where. docs/RELAY.md shows the table.
@Suite("What a misbehaving upstream meets")
struct MisbehavingUpstreamTests {
  typealias Stage = UpstreamScript.Stage
  typealias Act = UpstreamScript.Act

  /// How content goes; the one is behind 354, the other right behind the envelope.
  enum Form: Sendable, CaseIterable { case data, flight }

  static let before: [Stage] = [.greeting, .ehlo, .startTLS, .secondEHLO, .auth]

  static func stages(_ form: Form) -> [Stage] {
    before + [.mail, .firstRecipient, .lastRecipient] + (form == .data ? [.data] : []) + [.end]
  }

  private static let policy = ClientPolicy(
    hostname: "gate.test", security: .startTLS, login: ClientLogin(name: "u", password: Secret("upstream-secret-9")))

  /// One message to two recipients, over STARTTLS and a login. A second message shows whether the connection goes on.
  func run(
    _ form: Form, _ acts: [Stage: [Act]], octets: Int = 200, messages: Int = 2,
    upstream: Configuration.Upstream = Configuration.Upstream(name: "office"),
    damage: (SimulatedDisk) -> Void = { _ in }, change: (inout UpstreamScript) -> Void = { _ in }
  ) throws -> (outcome: UpstreamTrial.Outcome, record: UpstreamRecord) {
    var script = UpstreamScript()
    script.offersTLS = true
    script.mechanisms = ["PLAIN"]
    if form == .flight { script.offers.append("CHUNKING") }
    script.acts = acts
    script.contentOctets = octets
    change(&script)
    let record = ScriptedUpstream.Box()
    let trial = try UpstreamTrial(
      Self.policy, messages: messages, octets: octets, oneFlight: form == .flight ? .allowed(lost: 0) : .forbidden,
      upstream: upstream)
    damage(trial.disk)
    let outcome = try trial.run(script, record: record, credentials: TrialCredentials.shared.get())
    return (outcome, record.value.withLock { $0 })
  }

  /// What becomes of the first message, and of the upstream.
  func check(
    _ form: Form, _ stage: Stage, _ acts: [Act], kind: UpstreamTrouble.Kind?, _ expected: String?,
    within seconds: Int64? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let (outcome, record) = try run(form, [stage: acts])
    let place: Comment = "\(stage) \(form): \(outcome)"
    #expect(outcome.trouble?.kind == kind, place, sourceLocation: sourceLocation)
    #expect(outcome.results.first == expected, place, sourceLocation: sourceLocation)
    // Where the connection lives on, the next message goes as if nothing had been.
    if kind == nil {
      #expect(outcome.results.dropFirst() == ["delivered delivered"], place, sourceLocation: sourceLocation)
    }
    if let seconds { #expect((seconds...seconds + 2).contains(outcome.seconds), place, sourceLocation: sourceLocation) }
    #expect(!"\(outcome)".contains("upstream-secret-9"))
    if Self.before.prefix(3).contains(stage) {
      #expect(
        !record.lines.contains { $0.hasPrefix("AUTH") || $0.hasPrefix("MAIL") }, place, sourceLocation: sourceLocation)
    }
  }

  /// The results where the connection ends at this stage without a reply.
  func lost(_ stage: Stage, _ form: Form) -> String? {
    switch (stage, form) {
    case (.greeting, _), (.ehlo, _), (.startTLS, _), (.secondEHLO, _), (.auth, _): nil
    // From the end of the content on nobody knows, and in a flight that is written first.
    case (_, .flight), (.end, .data): "unknown unknown"
    case (.mail, .data): "untried untried"
    default: "deferred deferred"
    }
  }

  @Test("a connection that ends defers, and only behind the content may be a message twice", arguments: Form.allCases)
  func drop(form: Form) throws {
    for act in [Act.hangUp, .reset, .truncate] {
      for stage in Self.stages(form) { try check(form, stage, [act], kind: .unreachable, lost(stage, form)) }
    }
    for stage in [Stage.bodyBegins, .bodyHalf] {
      // In memory all is written before half of it is read.
      try check(form, stage, [.hangUp], kind: .unreachable, "unknown unknown")
    }
  }

  @Test("4yz puts off what it answers, the message or the upstream", arguments: Form.allCases)
  func transient(form: Form) throws {
    for stage in Self.stages(form) {
      let (kind, results): (UpstreamTrouble.Kind?, String?) =
        switch stage {
        case .startTLS: (.tls, nil)
        case .greeting, .ehlo, .secondEHLO, .auth: (.busy, nil)
        case .firstRecipient: (nil, "deferred delivered")
        case .lastRecipient: (nil, "delivered deferred")
        default: (nil, "deferred deferred")
        }
      try check(form, stage, [.say("450 4.2.0 later")], kind: kind, results)
    }
  }

  @Test("5yz fails those it speaks of, and is the upstream's fault before MAIL", arguments: Form.allCases)
  func permanent(form: Form) throws {
    for stage in Self.stages(form) {
      let (kind, results): (UpstreamTrouble.Kind?, String?) =
        switch stage {
        case .startTLS: (.tls, nil)
        case .auth: (.login, nil)
        case .greeting, .ehlo, .secondEHLO: (.broken, nil)
        case .firstRecipient: (nil, "failed delivered")
        case .lastRecipient: (nil, "delivered failed")
        default: (nil, "failed failed")
        }
      try check(form, stage, [.say("550-5.7.1 no\r\n550 5.7.1 never")], kind: kind, results)
    }
  }

  @Test("what is no reply ends the connection and counts for nothing", arguments: Form.allCases)
  func garbage(form: Form) throws {
    let garbage: [Act] = [
      .say("what do you want"), .say("25 ok"), .say("250-one\r\n550 two"), .say("999 ok"), .say("250?ok"), .say(""),
    ]
    for act in garbage {
      for stage in Self.stages(form) { try check(form, stage, [act], kind: .broken, lost(stage, form)) }
    }
  }

  @Test("a reply without end is cut off", arguments: Form.allCases)
  func endless(form: Form) throws {
    for act in [Act.flood("250-and", times: 20_000), .longLine(200_000)] {
      for stage in Self.stages(form) { try check(form, stage, [act], kind: .broken, lost(stage, form)) }
    }
  }

  @Test("a reply more than was asked for is never taken for the next one", arguments: Form.allCases)
  func extra(form: Form) throws {
    for stage in Self.stages(form) {
      let (code, results): (String, String?) =
        switch stage {
        case .greeting: ("220 x", nil)
        case .startTLS: ("220 x", nil)
        case .auth: ("235 x", nil)
        case .data: ("354 x", "deferred deferred")
        // The message is taken; it is the next that must not get the reply.
        case .end: ("250 2.0.0 x", form == .data ? "delivered delivered" : "unknown unknown")
        case .mail, .firstRecipient, .lastRecipient:
          ("250 2.1.0 x", form == .data ? "untried untried" : "unknown unknown")
        default: ("250 x", nil)
        }
      try check(form, stage, [.octets(Array("\(code)\r\n250 2.1.0 extra\r\n".utf8))], kind: .broken, results)
    }
  }

  @Test("silence and drops of a reply end at the time of the stage, counted in all", arguments: Form.allCases)
  func slow(form: Form) throws {
    let seconds: [Stage: Int] = [
      .greeting: Limits.greetingSeconds, .ehlo: Limits.heloSeconds, .startTLS: Limits.heloSeconds,
      .secondEHLO: Limits.heloSeconds, .auth: Limits.authSeconds, .mail: Limits.mailSeconds,
      .firstRecipient: Limits.recipientSeconds, .lastRecipient: Limits.recipientSeconds, .data: Limits.dataSeconds,
      .end: Limits.endOfDataSeconds,
    ]
    for stage in Self.stages(form) {
      for act in [Act.wait(milliseconds: 86_400_000), .drip("250 2.0.0 slow and slow and slow", seconds: 20)] {
        try check(form, stage, [act], kind: .unreachable, lost(stage, form), within: Int64(seconds[stage]!))
      }
    }
  }

  @Test("421 at any point is the upstream's, and what was finished stays so", arguments: Form.allCases)
  func closing(form: Form) throws {
    for stage in Self.stages(form) {
      let results: String? =
        switch stage {
        case .greeting, .ehlo, .startTLS, .secondEHLO, .auth: nil
        case .mail: "untried untried"
        case .firstRecipient, .lastRecipient: form == .data ? "deferred deferred" : "unknown unknown"
        default: "deferred deferred"
        }
      try check(
        form, stage, [.say("421 4.3.2 closing"), .hangUp], kind: stage == .startTLS ? .tls : .busy, results)
    }
    // Behind the first message, when it is none's.
    let (outcome, _) = try run(
      form, [.end: [.octets(Array("250 2.0.0 taken\r\n421 4.3.2 closing\r\n".utf8)), .hangUp]])
    #expect(outcome.results == ["delivered delivered"] && outcome.trouble == nil)
  }

  @Test("an alert, or no record at all, beneath TLS defers and is no half message", arguments: Form.allCases)
  func beneathTLS(form: Form) throws {
    for octets in [[21, 3, 3, 0, 2, 2, 80] as [UInt8], Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)] {
      for stage in Self.stages(form) + [.bodyHalf] where ![.greeting, .ehlo, .startTLS].contains(stage) {
        let expected = stage == .bodyHalf ? "unknown unknown" : lost(stage, form)
        try check(form, stage, [.underTLS(octets)], kind: .unreachable, expected)
      }
    }
  }

  @Test("replies in single octets, and in lines of many, are replies", arguments: Form.allCases)
  func patient(form: Form) throws {
    let (outcome, record) = try run(
      form,
      [
        .mail: [.drip("250 2.1.0 ok", seconds: 1)], .ehlo: [.drip("250-a\r\n250 STARTTLS", seconds: 1)],
        .end: [.say("250-2.0.0 taken\r\n250-2.0.0 by\r\n250 2.0.0 me"), .wait(milliseconds: 5)],
      ])
    #expect(outcome.results == ["delivered delivered", "delivered delivered"] && outcome.trouble == nil)
    #expect(record.taken.count == 2 && record.connections == 1)
  }

  // MARK: who gets what

  @Test(
    "recipients get what they were told, to the letter", arguments: Form.allCases,
    [
      ("250 x", "450 x", "250 x", "delivered deferred"), ("550 x", "250 x", "250 x", "failed delivered"),
      ("450 x", "550 x", nil, "deferred failed"), ("250 x", "450 x", "554 x", "failed deferred"),
      ("250 x", "550 x", "451 x", "deferred failed"), ("250 x", "452 4.5.3 too many", "250 x", "delivered untried"),
      ("452 x", "452 x", nil, "deferred deferred"), ("550 x", "550 x", nil, "failed failed"),
    ] as [(String, String, String?, String)])
  func partial(form: Form, replies: (first: String, last: String, end: String?, results: String)) throws {
    var acts: [Stage: [Act]] = [.firstRecipient: [.say(replies.first)], .lastRecipient: [.say(replies.last)]]
    if let end = replies.end { acts[.end] = [.say(end)] }
    let (outcome, _) = try run(form, acts)
    #expect(outcome.results == [replies.results, "delivered delivered"] && outcome.trouble == nil)
  }

  @Test("354 behind refused recipients gets a lone dot, whose reply is void")
  func loneDot() throws {
    for end in ["250 taken", "554 no"] {
      let (outcome, _) = try run(
        .data,
        [
          .firstRecipient: [.say("550 x")], .lastRecipient: [.say("450 x")], .data: [.say("354 go on")],
          .end: [.say(end)],
        ])
      #expect(outcome.results == ["failed deferred", "delivered delivered"] && outcome.trouble == nil)
    }
  }

  // MARK: STARTTLS and AUTH

  @Test("without STARTTLS, or with replies in clear behind it, nothing is said that could be heard")
  func stripped() throws {
    for (change, acts, kind) in [
      ({ $0.offersTLS = false }, [:], .tls), ({ _ in }, [.startTLS: [.say("454 4.7.0 not now")]], .tls),
      ({ _ in }, [.startTLS: [.octets(Array("220 go on\r\n250-x\r\n250 AUTH PLAIN\r\n".utf8))]], .broken),
    ] as [((inout UpstreamScript) -> Void, [Stage: [Act]], UpstreamTrouble.Kind)] {
      let (outcome, record) = try run(.data, acts, change: change)
      #expect(outcome.trouble?.kind == kind && outcome.results.isEmpty)
      #expect(!record.lines.contains { $0.hasPrefix("AUTH") || $0.hasPrefix("MAIL") })
    }
  }

  @Test("a login that cannot be made is the upstream's trouble and no message's")
  func login() throws {
    for (acts, kind) in [
      ([.auth: [.say("535 5.7.8 wrong")]], .login), ([.auth: [.say("454 4.7.0 not now")]], .busy),
      ([.auth: [.say("334 "), .say("334 ")]], .login), ([.auth: [.say("530 5.7.0 no")]], .login),
      ([.auth: [.say("500 5.5.1 what upstream-secret-9")]], .login),
    ] as [([Stage: [Act]], UpstreamTrouble.Kind)] {
      let (outcome, _) = try run(.data, acts)
      #expect(outcome.trouble?.kind == kind && outcome.results.isEmpty && !"\(outcome)".contains("upstream-secret-9"))
    }
    let (outcome, record) = try run(.data, [:], change: { $0.mechanisms = [] })
    #expect(outcome.trouble?.kind == .login && !record.lines.contains { $0.hasPrefix("AUTH") })
  }

  // MARK: one flight

  @Test("content goes as it is: without Bcc, its octets counted, and dots doubled only where they must be")
  func content() throws {
    for form in Form.allCases {
      for octets in [200, 60_000, 300_000] {
        let (outcome, record) = try run(form, [:], octets: octets, messages: 1)
        #expect(outcome.results == ["delivered delivered"] && outcome.trouble == nil)
        let sent =
          Array("Received: here\r\n".utf8)
          + String(decoding: UpstreamTrial.content(octets), as: UTF8.self)
          .replacing("Bcc: secret@example.net\r\n", with: "").utf8
        #expect(record.taken == [sent])
        #expect(record.lines.contains("MAIL FROM:<a@example.org> SIZE=\(sent.count)"))
        let chunks = record.lines.filter { $0.hasPrefix("BDAT") }
        #expect(
          chunks.count == (form == .data ? 0 : octets > 68 << 10 ? 5 : 1) && chunks.last?.hasSuffix("LAST") != false)
      }
    }
  }

  @Test("content whose author is rewritten is longer than what is stored, and is announced as long as it goes")
  func rewritten() throws {
    var upstream = Configuration.Upstream(name: "office")
    upstream.senders = [MailboxPattern("@example.net")!]
    upstream.rewrite = Address("scans-of-the-office@example.net")!
    for form in Form.allCases {
      // The third one fits into one flight only if nothing is added.
      for octets in [200, 60_000, Limits.flightOctetsMax - 10, 300_000] {
        let (outcome, record) = try run(form, [:], octets: octets, messages: 1, upstream: upstream)
        #expect(outcome.results == ["delivered delivered"] && outcome.trouble == nil, "\(outcome)")
        let sent =
          Array("Received: here\r\n".utf8)
          + String(decoding: UpstreamTrial.content(octets), as: UTF8.self)
          .replacing("From: A <a@example.org>", with: "From: A <scans-of-the-office@example.net>")
          .replacing("Bcc: secret@example.net\r\n", with: "Reply-To: A <a@example.org>\r\n").utf8
        #expect(record.taken == [sent])
        #expect(record.lines.contains("MAIL FROM:<scans-of-the-office@example.net> SIZE=\(sent.count)"))
        let chunks = record.lines.filter { $0.hasPrefix("BDAT") }
        let announced = chunks.compactMap { Int($0.split(separator: " ")[1]) }.reduce(0, +)
        #expect(announced == (form == .data ? 0 : sent.count))
        #expect(form == .data || (chunks.count == 1) == (sent.count <= Limits.flightOctetsMax))
      }
    }
  }

  @Test("content that cannot be read midway is never ended, and what cannot be read at all is not begun")
  func unreadable() throws {
    for form in Form.allCases {
      let midway = try run(
        form, [:], octets: 300_000, messages: 1, damage: { $0.flip("00000001.wal", offset: 180_000, bit: 1) })
      #expect(midway.outcome.quarantined == 1 && midway.outcome.results.isEmpty && midway.outcome.trouble == nil)
      #expect(midway.record.taken.isEmpty && !midway.record.lines.contains { $0.hasSuffix("LAST") })
      #expect(midway.record.lines.contains { $0.hasPrefix("MAIL") })

      // The next message goes on the same connection.
      let whole = try run(
        form, [:],
        damage: { disk in
          let text = disk.contents("00000001.wal")
          let place = text.indices.first { text[$0...].starts(with: Array("Subject: t".utf8)) }!
          disk.flip("00000001.wal", offset: place, bit: 1)
        })
      #expect(whole.outcome.quarantined == 1 && whole.outcome.results == ["delivered delivered"])
      #expect(whole.record.taken.count == 1 && whole.record.lines.count { $0.hasPrefix("MAIL") } == 1)
      #expect(whole.record.connections == 1)
    }
  }

  @Test("a chunk that is refused while the next one is read from a slow disk leaves nothing of it in the next message")
  func refusedWhileReading() throws {
    let (outcome, record) = try run(
      .flight, [.chunk: [.say("552 5.3.4 too much")]], octets: 300_000, damage: { $0.setCold(true) })
    #expect(outcome.results == ["failed failed", "delivered delivered"] && outcome.trouble == nil, "\(outcome)")
    let sent = String(decoding: UpstreamTrial.content(300_000), as: UTF8.self)
    #expect(record.taken.count == 1 && record.taken.first?.count == sent.utf8.count + 16 - 25)
    #expect(record.taken.first?.suffix(200_000).elementsEqual(sent.utf8.suffix(200_000)) == true)
    #expect(record.connections == 1 && record.lines.contains("RSET"))
  }

  @Test("an upstream is asked once whether it discards, and what it showed is remembered")
  func probe() throws {
    for obeys in [false, true] {
      var script = UpstreamScript()
      script.offers.append("CHUNKING")
      script.obeysRefusedChunks = obeys
      let policy = ClientPolicy(hostname: "gate.test", security: .none, login: nil)
      var known = OneFlight.untried
      for round in 0..<2 {
        let record = ScriptedUpstream.Box()
        let trial = try UpstreamTrial(policy, messages: 2, oneFlight: known)
        let outcome = try trial.run(script, record: record)
        known = outcome.oneFlight
        let lines = record.value.withLock { $0.lines }
        #expect(known == (obeys ? .forbidden : .allowed(lost: 0)) && outcome.trouble == nil)
        #expect(lines.contains("BDAT 6 LAST") == (round == 0))
        // The question cost the one that obeys its connection, and nobody else anything.
        #expect(outcome.results.count == (obeys && round == 0 ? 0 : 2))
        #expect(lines.contains("DATA") == (obeys && round == 1))
      }
    }
  }
}
