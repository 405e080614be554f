// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Glibc
import SMTP
import Testing

@testable import Gateway
@testable import Queue

@Suite("Commands that change messages, and those that stop the gateway")
struct MessageChangeTests {
  private let me = PeerCredentials(pid: 0, uid: geteuid(), gid: 0).userName

  @Test("hold, release and bounce change what is meant, with who, until when and why, and are recorded")
  func changes() throws {
    let place = try Place(messages: 100)
    var client = try place.connect(.operate)
    var change = try client.change("hold", .init(select: "user:nas", reason: "typo\u{7}?", seconds: 7200))
    #expect((change?.verb, change?.matched, change?.done) == ("hold", 50, 50))
    #expect(change?.actor == .init(uid: geteuid(), user: me))
    change = try client.change("hold", .init(select: "user:nas"))
    #expect((change?.matched, change?.done) == (50, 0))
    change = try client.change("release", .init(select: "state:held"))
    #expect((change?.matched, change?.done) == (50, 50))
    change = try client.change("bounce", .init(select: "user:nas", reason: "no such domain", noDSN: true))
    #expect((change?.matched, change?.done) == (50, 50))
    #expect(place.gateway.views.count == 50)
    let until = FakeGateway.now + 7_200_000
    // A page is 64 messages, so that user's are in two.
    #expect(
      place.gateway.calls == [
        "hold 32 until \(until) by \(me): typo\u{7}?", "hold 18 until \(until) by \(me): typo\u{7}?",
        "hold 32 until - by \(me): -", "hold 18 until - by \(me): -", "release 32", "release 18",
        "bounce 32 report false: no such domain", "bounce 18 report false: no such domain",
      ])
    let action = place.actions[0]
    #expect((action.uid, action.user, action.pid) == (geteuid(), me, getpid()))
    #expect(action.command == #"hold user:nas --for 2h --reason 'typo\x07?'"#)
    #expect((action.reason, action.matched, action.changed, action.outcome) == (#"typo\x07?"#, 50, 50, "done"))
    #expect(
      place.audited[3].hasSuffix("bounce user:nas --no-dsn --reason 'no such domain' | done: 50 matched, 50 changed"))
  }

  @Test("drop takes what is meant out of sight as one batch, says how to undo it, and undrop does")
  func drops() throws {
    let place = try Place(messages: 100)
    var client = try place.connect(.operate)
    let preview = try client.change("drop", .init(select: "user:nas", dryRun: true))
    #expect(preview?.keptSeconds == 86_400 && preview?.undo == nil && place.gateway.calls.isEmpty)
    let change = try #require(try client.change("drop", .init(select: "user:nas", reason: "spam")))
    #expect((change.matched, change.done, change.undo) == (50, 50, "undrop batch:41"))
    #expect(change.keptUntil == Timestamp(milliseconds: FakeGateway.now + 86_400_000))
    #expect(place.gateway.calls == ["drop 32 into - by \(me)", "drop 18 into 41 by \(me)"])
    #expect(place.audited[0].hasSuffix("drop user:nas --reason 'spam' | done: batch 41: 50 matched, 50 changed"))
    #expect(try client.change("drop", .init(select: "user:nas"))?.matched == 0, "what is dropped is out of sight")
    #expect(try client.change("hold", .init(all: true))?.matched == 50)
    let back = try #require(try client.change("undrop", .init(name: "batch:41")))
    #expect((back.verb, back.matched, back.done) == ("undrop", 50, 50))
    #expect(place.audited[3].hasSuffix("undrop batch:41 | done: 50 matched, 50 changed"))
    for (name, code) in [("batch:41", "batch.unknown"), ("41x", "usage.not_a_batch")] {
      #expect(client.refusal("undrop", .init(name: name))?.code == code)
    }
  }

  @Test("drop --now erases, also what was dropped, and takes the level admin")
  func erases() throws {
    let place = try Place(messages: 10)
    var client = try place.connect(.operate)
    _ = try client.change("drop", .init(select: "user:nas"))
    #expect(client.refusal("drop", .init(select: "user:nas", isNow: true))?.code == "daemon.level")
    #expect(place.gateway.views.count == 10)
    var admin = try place.connect(.admin)
    let change = try #require(try admin.change("drop", .init(select: "state:dropped", isNow: true)))
    #expect((change.matched, change.done, change.undo) == (5, 5, nil))
    #expect(place.gateway.views.count == 5 && place.audited.last?.contains("drop state:dropped --now") == true)
  }

  @Test("a dry run counts, shows the three oldest, changes nothing, and leaves no line")
  func dryRun() throws {
    let place = try Place(messages: 200)
    var client = try place.connect(.operate)
    for verb in ["flush", "hold", "release", "bounce"] {
      let change = try #require(try client.change(verb, .init(select: "user:nas", dryRun: true)))
      #expect((change.verb, change.matched, change.done) == (verb, 100, 0))
      let views = place.gateway.views
      #expect(change.preview?.bytes == stride(from: 0, to: 200, by: 2).reduce(0, +))
      #expect(change.preview?.samples.map(\.id) == [0, 2, 4].map { views[$0].id.description })
      #expect(
        change.preview?.samples.first
          == .init(id: views[0].id.description, ageSeconds: 60, sender: "a@example.com", recipient: "b@example.org"))
      // The last that was looked at, meant or not.
      #expect(change.preview?.upTo == views[199].id.description)
    }
    #expect(place.gateway.calls.isEmpty && place.gateway.flushed.isEmpty && place.audited.isEmpty)
  }

  @Test("what came after the preview is not meant", arguments: [1, 63, 64, 65, 199, 200])
  func upTo(number: Int) throws {
    let place = try Place(messages: 200)
    var client = try place.connect(.operate)
    let last = MessageID(number: UInt64(number)).description
    #expect(try client.change("hold", .init(all: true, upTo: last))?.done == number)
    #expect(place.gateway.views.count { $0.state == .held } == number)
  }

  @Test("of what was confirmed no more is changed, and nothing if more are meant by now")
  func confirmed() throws {
    let place = try Place(messages: 200)
    var client = try place.connect(.operate)
    let error = #expect(throws: AdminError.self) { try client.change("hold", .init(all: true, confirmed: 199)) }
    #expect(error?.exit == .temporary)
    #expect(place.gateway.views.allSatisfy { $0.state != .held })
    #expect(place.actions.last?.outcome == "refused: more are meant than were confirmed")
    #expect(try client.change("hold", .init(all: true, confirmed: 200))?.done == 200)
  }

  @Test("ages are those that were shown")
  func asOf() throws {
    let place = try Place(messages: 20)
    var client = try place.connect(.operate)
    let shown = try client.change("hold", .init(select: "age:>1h", dryRun: true))
    #expect(shown?.preview?.asOf == Timestamp(milliseconds: FakeGateway.now))
    let later = Timestamp(milliseconds: FakeGateway.now + 7_200_000)
    let (now, then) = (
      shown?.matched, try client.change("hold", .init(select: "age:>1h", dryRun: true, asOf: later))?.matched
    )
    #expect(now == 0 && then == 20)
  }

  @Test("a selector of every kind works in every verb")
  func selectors() throws {
    let place = try Place(messages: 10)
    place.gateway.change { state in
      state.replies[MessageID(number: 3)] = Reply(550, EnhancedStatus(5, 7, 30), "no passwords")
    }
    var client = try place.connect(.operate)
    let counts = [
      ("client:192.168.0.0/16", 10), ("client:10.0.0.0/8", 0), ("upstream:office", 10), ("upstream:other", 0),
      ("code:5.7.30", 1), ("reason:/password/", 1), ("-code:550", 9), ("state:held", 0), ("user:nas tries:1", 5),
    ]
    for (selector, count) in counts {
      #expect(try client.ask("queue", .init(select: selector)).payloads.count == count)
      for verb in ["flush", "hold", "release", "bounce"] {
        #expect(try client.change(verb, .init(select: selector, dryRun: true))?.matched == count)
      }
    }
    for (selector, message) in [
      ("rule:x", "'rule:x': 'rule:' is not in this version"),
      ("state:sent", "'state:sent' means finished mail alone, and that does not change any more"),
      ("client:10.0.0.1/8", "'client:10.0.0.1/8' needs an address, a name, or a network as client:192.168.1.0/24"),
    ] {
      let error = #expect(throws: AdminError.self) { try client.ask("hold", .init(select: selector)) }
      #expect(error?.message == message)
      #expect(error?.exit == .usage)
    }
  }

  @Test("a list ends where it was told to, and its rows say why")
  func rows() throws {
    let place = try Place(messages: 300)
    place.gateway.change { state in
      state.replies[MessageID(number: 1)] = Reply(421, EnhancedStatus(4, 7, 0), "rate limited")
      state.views[1].state = .held
      state.views[1].hold = Hold(since: 0, by: PeerText("alice"), reason: PeerText("typo domain?"))
      state.views[2].state = .queued
      state.views[3].state = .quarantined
      state.views[4].state = .sending
      state.status.upstreams = [.init(name: "office", endpoint: "x:25", state: "paused", reason: "login")]
    }
    var client = try place.connect(.view)
    let rows = try client.ask("queue", .init(limit: 6)).payloads.messages
    #expect(
      rows.map(\.why) == [
        "421 4.7.0 rate limited", "by alice: typo domain?", "upstream office is paused (login)", "damaged on disk", nil,
        "upstream office is paused (login)",
      ])
    #expect(rows[1].hold == .init(by: "alice", since: Timestamp(milliseconds: 0), reason: "typo domain?"))
    #expect(try client.ask("queue", .init(select: "user:nas", limit: 100)).payloads.count == 100)
    #expect(try client.ask("queue", .init(limit: 5000)).payloads.count == 300)
    #expect(throws: AdminError.self) { try client.ask("queue", .init(limit: 0)) }
  }

  @Test("what keeps a change from having its effect is said")
  func notes() throws {
    let place = try Place(messages: 3)
    place.gateway.change { state in
      state.views[0].state = .held
      state.views[1].state = .sending
      state.status.pauses = [
        Pause(side: "out", since: Timestamp(milliseconds: 0), by: "alice"),
        Pause(side: "in", since: Timestamp(milliseconds: 0), by: "bob"),
      ]
    }
    var client = try place.connect(.operate)
    let paused = "sending is paused by alice: mail waits for 'postern resume out'"
    #expect(
      try client.change("flush", .init(all: true, dryRun: true))?.notes
        == ["1 message on hold stay so: postern release state:held", paused])
    #expect(try client.change("release", .init(all: true, dryRun: true))?.notes == [paused])
    #expect(try client.change("hold", .init(all: true))?.notes == ["1 message being sent: held if that attempt fails"])
    #expect(try client.change("release", .init(select: "size:>1G"))?.notes == nil)
  }

  @Test("pauses reach the gateway, and each leaves its line")
  func pauses() throws {
    let place = try Place()
    var client = try place.connect(.operate)
    let until = FakeGateway.now + 1_800_000
    guard
      case .pause(let pause)? = try client.ask("pause out", .init(reason: "move", seconds: 1800)).payloads.first
    else {
      Issue.record("no pause")
      return
    }
    #expect(pause.changed && pause.pause?.until == Timestamp(milliseconds: until) && pause.pause?.by == me)
    _ = try client.ask("pause in")
    _ = try client.ask("pause upstream", .init(name: "office"))
    _ = try client.ask("resume out")
    _ = try client.ask("resume out")
    let error = #expect(throws: AdminError.self) { try client.ask("resume upstream", .init(name: "ofice")) }
    #expect(error?.exit == .noInput)
    #expect(throws: AdminError.self) { try client.ask("pause upstream") }
    #expect(
      place.gateway.calls == [
        "pause out until \(until) by \(me): move", "pause in until - by \(me): -",
        "pause upstream office until - by \(me): -", "resume out by \(me)", "resume out by \(me)",
      ])
    #expect(
      place.actions.map { "\($0.command) | \($0.outcome)" } == [
        "pause out --for 30m --reason 'move' | done", "pause in | done", "pause upstream office | done",
        "resume out | done", "resume out | done: it was so before",
        "resume upstream ofice | refused: there is no upstream 'ofice'",
      ])
  }

  @Test("a credential reaches the gateway and nothing else: no reply, no error, no line of the log holds it")
  func credentials() throws {
    let place = try Place()
    let secret = "hunter2-\u{E9}\"quoted\""
    var client = try place.connect()
    var answers = "\(try client.ask("creds set", .init(name: "office", secret: SecretText(secret))))"
    place.gateway.change {
      $0.credentialError = AdminError("creds.refused", "office answered 535 5.7.8 not accepted: \(secret)", exit: .no)
    }
    let arguments = AdminRequest.Arguments(name: "office", secret: SecretText(secret), noTest: true)
    let error = #expect(throws: AdminError.self) { try client.ask("creds set", arguments) }
    #expect(error?.exit == .no)
    answers += "\(String(describing: error))"
    #expect(throws: AdminError.self) { try client.ask("creds set", .init(name: "office")) }
    let size = secret.utf8.count
    #expect(
      place.gateway.calls == [
        "creds office test true by \(me) octets \(size)", "creds office test false by \(me) octets \(size)",
      ])
    #expect(
      place.actions.map { "\($0.command) | \($0.outcome)" } == [
        "creds set office | done: office.password is in force",
        "creds set office --no-test | failed: office answered 535 5.7.8 not accepted: <redacted>",
        "creds set office | refused: creds set needs the new secret",
      ])
    #expect(!answers.contains("hunter2"))
    #expect(!"\(AdminRequest(id: 1, command: CommandTable.command(.credsSet), args: arguments))".contains("hunter2"))
  }

  @Test("users and credentials are listed")
  func lists() throws {
    let place = try Place()
    place.gateway.change { $0.logins = [LoginReply(user: "nas", disabled: true)] }
    var client = try place.connect()
    #expect(try client.ask("users list").payloads == [.login(LoginReply(user: "nas", disabled: true))])
    #expect(try client.ask("creds list").payloads.count == 1)
  }

  @Test("on the way down what is read is answered, and nothing is changed any more")
  func stopping() throws {
    let place = try Place(messages: 3)
    var client = try place.connect()
    place.listener.stopChanges()
    for command in CommandTable.commands where command.isAsked && command.changes {
      let error = #expect(throws: AdminError.self) {
        try client.ask(
          command.name.rawValue,
          command.needsTarget ? .init(all: true) : .init(name: "office", secret: SecretText("x")))
      }
      #expect(error?.message == "busy: shutting down")
      #expect(error?.exit == .temporary)
    }
    #expect(try client.ask("queue").payloads.count == 3)
    #expect(try client.ask("status").exit == .ok)
    #expect(place.gateway.calls.isEmpty && place.gateway.flushed.isEmpty)
  }

  @Test("a hundred connections with conflicting orders: each message is changed as often as somebody is told so")
  func conflicts() throws {
    let place = try Place(messages: 500)
    let raws = try (0..<100).map { _ in try RawConnection(place.path(.operate)) }
    for raw in raws { _ = try raw.line() }
    for (number, raw) in raws.enumerated() {
      let cmd = ["hold", "release", "bounce", "flush"][number % 4]
      try raw.send(Array(#"{"v":1,"id":1,"cmd":"\#(cmd)","args":{"all":true}}"#.utf8) + [0x0A])
    }
    var done: [String: Int] = [:]
    for raw in raws {
      guard case .data(1, .change(let change)) = try ControlLine.decode(AdminReply.self, from: raw.line()) else {
        Issue.record("no change")
        continue
      }
      done[change.verb, default: 0] += change.done
      guard case .end(1, .ok) = try ControlLine.decode(AdminReply.self, from: raw.line()) else {
        Issue.record("no end")
        continue
      }
    }
    // A message is gone once, and what was held is released or gone or still held.
    #expect(done["bounce"] == 500)
    #expect(place.gateway.views.isEmpty)
    #expect(done["release", default: 0] <= done["hold", default: 0])
    #expect(place.audited.count == 100)
  }
}

extension ControlClient {
  /// For commands that answer with one change.
  fileprivate mutating func change(
    _ words: String, _ arguments: AdminRequest.Arguments
  ) throws(AdminError) -> ChangeReply? {
    guard case .change(let change)? = try ask(words, arguments).payloads.first else { return nil }
    return change
  }

  fileprivate mutating func refusal(_ words: String, _ arguments: AdminRequest.Arguments) -> AdminError? {
    do throws(AdminError) {
      _ = try ask(words, arguments)
      return nil
    } catch {
      return error
    }
  }
}
