// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import SMTP
import Testing

@testable import Gateway
@testable import Queue

@Suite("Why")
struct ExplanationTests {
  private static let now = FakeGateway.now
  private static let time = Timestamp(milliseconds: now)

  private var view: MessageView { FakeGateway(messages: 1).views[0] }

  private func status(_ change: (inout StatusReply) -> Void = { _ in }) -> StatusReply {
    var status = FakeGateway.status
    status.upstreams = [.init(name: "office", endpoint: "smtp.example.net:465", state: "ok")]
    change(&status)
    return status
  }

  private func details(_ view: MessageView, _ replies: [LastReply] = []) -> MessageDetails {
    MessageDetails(view: view, origin: Origin(address: "192.168.1.20"), replies: replies, duplicatePossible: false)
  }

  @Test(
    "a deferred message: the reply word for word and who said it, when it is tried again, when it ends, what to type")
  func deferred() {
    let reply = Reply(421, EnhancedStatus(4, 7, 0), "Try again later")
    let answered = LastReply(index: 0, wall: Self.now - 30_000, reply: reply)
    let why = MessageExplanation(view, details(view, [answered]), status(), now: Self.now).reply
    let id = view.id.description
    #expect(why.subject == id && why.state == "deferred")
    #expect(why.headline == "Message \(id) to b@example.org has not left because:")
    #expect(
      why.reasons == [
        "office answered 421 4.7.0 Try again later at 2026-11-21 13:39:32Z (attempt 1)",
        "the next attempt is at 2026-11-21 13:41:02Z (in 1m)",
        "it is given back to the sender if it has not left by 2026-11-22 13:40:02Z (in 1d) (queue.lifetime)",
      ])
    #expect(why.reply == "421 4.7.0 Try again later")
    #expect(why.next?.milliseconds == Self.now + 60_000 && why.expires?.milliseconds == view.expires)
    #expect(why.actions.map(\.command) == ["postern flush \(id)", "postern bounce \(id)"])
  }

  @Test("what we noted where no answer came is not put into the upstream's mouth")
  func ours() {
    let reply = Reply(451, EnhancedStatus(4, 4, 2), "connection lost at content: closed")
    let why = MessageExplanation(
      view, details(view, [LastReply(index: 0, wall: Self.now, reply: reply)]), status(), now: Self.now
    ).reply
    #expect(why.reasons[0].hasPrefix("451 4.4.2 connection lost at content: closed at 2026"))
  }

  @Test("many recipients: each answer once, with how many it was given to, and none of those that have the message")
  func many() {
    var view = view
    view.recipients = (0..<20).map {
      RecipientView(address: Address("r\($0)@example.org")!, state: $0 == 0 ? .delivered : .deferred, attempts: 2)
    }
    let replies = (0..<20).map { index in
      LastReply(
        index: index, wall: Self.now - Int64(index),
        reply: Reply(450, EnhancedStatus(4, 2, 1), index < 10 ? "busy" : "busy \(index)"))
    }
    let why = MessageExplanation(view, details(view, replies), status(), now: Self.now).reply
    #expect(why.headline.contains("to r1@example.org and 18 more"))
    #expect(why.reasons[0].hasPrefix("r1@example.org and 8 more: office answered 450 4.2.1 busy at "))
    #expect(why.reasons[5] == "and 6 other answers")
  }

  @Test(
    "pauses and upstreams that do not work come before what a message met", arguments: [MessageState.queued, .deferred])
  func obstacles(state: MessageState) {
    var view = view
    view.state = state
    let since = Timestamp(milliseconds: Self.now - 60_000)
    let status = status {
      $0.upstreams[0].state = "paused"
      $0.upstreams[0].reason = "login"
      $0.upstreams[0].reply = "auth: 535 5.7.8 Username and Password not accepted"
      $0.upstreams[0].nextProbe = Timestamp(milliseconds: Self.now + 600_000)
      $0.pauses = [Pause(side: "out", since: since, until: nil, by: "alice", reason: "moving house")]
    }
    let why = MessageExplanation(view, details(view), status, now: Self.now).reply
    #expect(
      why.reasons.starts(with: [
        "sending is paused by alice since 2026-11-21 13:39:02Z: moving house",
        "upstream office is paused (login): auth: 535 5.7.8 Username and Password not accepted",
        "office is tried again at 2026-11-21 13:50:02Z (in 10m)",
      ]))
    #expect(
      why.actions.map(\.command) == [
        "postern resume out", "postern creds set office", "postern resume upstream office", "postern bounce \(view.id)",
      ])
  }

  @Test("held, failed, damaged, being sent, ready: each says what it is and what helps")
  func states() {
    var view = view
    func why() -> WhyReply { MessageExplanation(view, details(view), status(), now: Self.now).reply }
    view.hold = Hold(until: Self.now + 3_600_000, since: Self.now, by: PeerText("alice"), reason: PeerText("typo?"))
    view.state = .held
    #expect(why().reasons[0] == "held by alice since 2026-11-21 13:40:02Z: typo?")
    #expect(why().reasons[1] == "it ends by itself at 2026-11-21 14:40:02Z (in 1h)")
    #expect(why().actions[0].command == "postern release \(view.id)")
    #expect(why().next == nil && why().expires == nil)
    view.state = .failed
    #expect(why().headline.hasSuffix("was refused for good:") && why().reasons.last?.contains("sender") == true)
    view.state = .quarantined
    #expect(why().actions[0].command == "postern show \(view.id)")
    view.state = .sending
    #expect(why().headline.hasSuffix("is being sent") && why().actions.isEmpty)
    view.state = .queued
    #expect(why().headline.hasSuffix("it leaves as soon as a connection is free"))
  }

  @Test("a message whose record cannot be read is explained as far as it goes")
  func unreadable() {
    let why = MessageExplanation(view, nil, status(), now: Self.now).reply
    #expect(why.reply == nil && why.reasons.count == 2)
  }

  @Test("an upstream that works says so, and how many wait")
  func healthy() {
    let status = status { $0.queue.queued = 2 }
    let why = UpstreamExplanation(status.upstreams[0], status, now: Self.time).reply
    #expect(why.subject == "office" && why.state == "ok")
    #expect(why.headline == "Upstream office (smtp.example.net:465) works")
    #expect(why.reasons == ["2 messages waiting"] && why.actions.isEmpty)
  }

  @Test("an upstream that does not work says since when, what was said, what that means, the next probe, what to type")
  func sick() {
    let status = status {
      $0.queue.deferred = 3
      $0.upstreams[0].state = "paused"
      $0.upstreams[0].reason = "login"
      $0.upstreams[0].reply = "auth: 550 5.7.30 Basic authentication is not supported"
      $0.upstreams[0].since = Timestamp(milliseconds: Self.now - 60_000)
      $0.upstreams[0].nextProbe = Timestamp(milliseconds: Self.now + 720_000)
    }
    let meaning = ReplyMeaning(cause: "it takes no password any more", fix: "postern creds login office")
    let why = UpstreamExplanation(status.upstreams[0], status, meaning: meaning, now: Self.time).reply
    #expect(why.headline == "Upstream office (smtp.example.net:465) is paused (login) since 2026-11-21 13:39:02Z:")
    #expect(
      why.reasons == [
        "it said, or this was seen: auth: 550 5.7.30 Basic authentication is not supported",
        "that means: it takes no password any more", "what to do: postern creds login office",
        "without a login that it takes nothing is sent to it, and nothing is bounced",
        "it is tried again at 2026-11-21 13:52:02Z (in 12m)", "3 messages waiting",
        "none of them is given up because of this: lifetimes stand still",
      ])
    #expect(why.actions.map(\.command) == ["postern creds set office", "postern resume upstream office"])
  }

  @Test("a login that is refused names the command that mends this kind of login")
  func mending() throws {
    var upstream = Configuration.Upstream(name: "office")
    func command() -> String {
      Settings.plain(Configuration(hostname: "gate.test", upstream: upstream)).upstreams[0].loginCommand
    }
    #expect(command() == "postern creds set office")
    upstream.mechanism = .xoauth2
    #expect(command() == "postern creds login office")
    let status = status {
      $0.upstreams[0].state = "paused"
      $0.upstreams[0].reason = "login"
      $0.upstreams[0].reply = "auth: 535 5.7.8 Username and Password not accepted"
      $0.upstreams[0].mend = command()
    }
    let why = UpstreamExplanation(status.upstreams[0], status, now: Self.time).reply
    #expect(why.actions.map(\.command) == ["postern creds login office", "postern resume upstream office"])
    #expect(why.actions.first?.label == "mend the login")
  }

  @Test("an upstream that somebody paused says who, and how to resume")
  func pausedByHand() {
    let status = status {
      $0.upstreams[0].state = "paused"
      $0.upstreams[0].reason = "admin"
      $0.pauses = [Pause(side: "upstream", name: "office", since: Self.time, by: "alice", reason: "maintenance")]
    }
    let why = UpstreamExplanation(status.upstreams[0], status, now: Self.time).reply
    #expect(why.reasons[0] == "paused by alice since 2026-11-21 13:40:02Z: maintenance")
    #expect(why.actions.map(\.command) == ["postern resume upstream office"])
    let message = MessageExplanation(view, details(view), status, now: Self.now).reply
    #expect(
      message.reasons.starts(with: [
        "upstream office is paused (admin)",
        "paused by alice since 2026-11-21 13:40:02Z: maintenance",
      ]))
  }

  @Test("what a reply means: a rule of the provider knows, else its numbers, else nobody")
  func meaning() {
    var match = ExplainRule.Match()
    match.codes = [550]
    match.providers = ["m365"]
    let rules = ExplainRules([ExplainRule(match: match, cause: "a cause", fix: "mend {upstream}", action: .retry)])
    func meaning(_ reply: Reply, _ provider: String) -> ReplyMeaning? {
      ReplyMeaning(reply, rules: rules, provider: provider, upstream: "office")
    }
    let refused = Reply(550, EnhancedStatus(5, 1, 1), "x")
    #expect(meaning(refused, "m365") == ReplyMeaning(cause: "a cause", fix: "mend office"))
    #expect(meaning(refused, "") == ReplyMeaning(cause: "no such mailbox, for good"))
    #expect(meaning(Reply(550, nil, "x"), "gmail") == nil)
    let answered = LastReply(index: 0, wall: Self.now, reply: refused)
    let why = MessageExplanation(
      view, details(view, [answered]), status(), meaning: { reply, _ in meaning(reply, "m365") }, now: Self.now
    ).reply
    #expect(why.reasons[1...2] == ["that means: a cause", "what to do: mend office"])
  }

  @Test("where upstreams of several providers take mail, the rules are those of the one that answered")
  func whoAnswered() throws {
    var match = ExplainRule.Match()
    match.codes = [550]
    match.providers = ["ses"]
    let rules = ExplainRules([ExplainRule(match: match, cause: "a cause", fix: "mend {upstream}", action: .retry)])
    let configuration = Configuration(
      hostname: "gate.test",
      upstreams: ["gmail", "ses", "mailgun"].map { name in
        var upstream = Configuration.Upstream(name: name)
        upstream.provider = name
        return upstream
      })
    let settings = Settings.plain(configuration, rules: rules)
    let reply = Reply(550, EnhancedStatus(5, 1, 1), "x")
    let plain = ReplyMeaning(cause: "no such mailbox, for good")
    #expect(ReplyMeaning(reply, from: ["ses"], in: settings) == ReplyMeaning(cause: "a cause", fix: "mend ses"))
    #expect(ReplyMeaning(reply, from: ["gmail"], in: settings) == plain)
    #expect(ReplyMeaning(reply, from: ["gmail", "ses"], in: settings) == plain)
    #expect(ReplyMeaning(reply, from: [], in: settings) == nil)
    var status = status()
    status.upstreams = ["gmail", "ses"].map { .init(name: $0, endpoint: "x:25", state: "ok") }
    func reasons(_ upstream: String?) -> ArraySlice<String> {
      let answered = LastReply(index: 0, wall: Self.now, reply: reply, upstream: upstream)
      return MessageExplanation(
        view, details(view, [answered]), status,
        meaning: { ReplyMeaning($0, from: $1.map { [$0] } ?? ["gmail", "ses"], in: settings) }, now: Self.now
      ).reply.reasons.prefix(2)
    }
    #expect(reasons("ses").first?.hasPrefix("ses answered 550 5.1.1 x at ") == true)
    #expect(reasons("ses").last == "that means: a cause")
    #expect(reasons(nil).first?.hasPrefix("the upstream answered 550 5.1.1 x at ") == true)
    #expect(reasons(nil).last == "that means: no such mailbox, for good")
  }

  @Test("mail that an upstream sent to another one says who, what he said, and what that means")
  func sentOn() {
    var view = view
    view.recipients = ["1", "2", "3"].map {
      RecipientView(address: Address("\($0)@example.org")!, state: $0 == "1" ? .delivered : .queued, attempts: 0)
    }
    view.state = .queued
    let note = Detours.Note(
      upstream: "ses", reply: Reply(552, EnhancedStatus(5, 3, 4), "too large"), indexes: [0, 1, 2], wall: Self.now)
    let why = MessageExplanation(
      view, details(view), status(), notes: [note], meaning: { _, name in ReplyMeaning(cause: "of \(name ?? "")") },
      now: Self.now
    ).reply
    #expect(
      why.reasons.starts(with: [
        "2@example.org and 1 more: ses answered 552 5.3.4 too large at 2026-11-21 13:40:02Z, so another upstream was asked",
        "that means: of ses",
      ]))
  }

  @Test("the word behind why is an upstream, an id, or an error that helps")
  func subjects() throws {
    let place = try Place(messages: 5)
    let id = place.gateway.views[2].id.description
    place.gateway.change {
      $0.status.upstreams = [.init(name: "office", endpoint: "x:25", state: "ok")]
      $0.replies[MessageID(number: 3)] = Reply(450, nil, "\u{1B}[2Jlater")
    }
    var client = try place.connect(.view)
    guard case .why(let office)? = try client.ask("why", .init(name: "office")).payloads.first,
      case .why(let message)? = try client.ask("why", .init(name: String(id.prefix(5).lowercased()))).payloads.first
    else {
      Issue.record("no answer")
      return
    }
    #expect(office.subject == "office" && message.subject == id)
    #expect(message.reply == "450 ?[2Jlater")
    for (word, text, exit) in [
      (
        "ofice", "'ofice' is no upstream, no client and not the id of a message. Did you mean 'office'?",
        ExitCode.noInput
      ),
      ("ZZZZZZZZZ", "no message starts with 'ZZZZZZZZZ'", .noInput),
      ("user:nas", "'user:nas' is no upstream, no client and not the id of a message", .noInput),
      ("7K", "'7K' is too short for an id (need 4 characters)", .usage),
    ] {
      let error = #expect(throws: AdminError.self) { try client.ask("why", .init(name: word)) }
      #expect(error?.message == text)
      #expect(error?.exit == exit)
    }
  }
}
