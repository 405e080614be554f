// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue
import SMTP
import TestKit
import Testing

@testable import Gateway

@Suite("A reply that sends mail to another upstream")
struct RerouteTests {
  private static let tooLarge = Reply(552, EnhancedStatus(5, 3, 4), "too large for us")

  private static let rules: ExplainRules = {
    var match = ExplainRule.Match()
    match.statuses = [EnhancedStatus(5, 3, 4), EnhancedStatus(4, 3, 4)]
    return ExplainRules([ExplainRule(match: match, cause: "too large", fix: "send less", action: .reroute)])
  }()

  private func bench(
    _ names: [String], policy: QueuePolicy = QueuePolicy(retry: [60_000], segmentOctets: 1 << 20),
    _ change: (inout Configuration) -> Void = { _ in }
  ) throws -> RelayBench {
    let bench = try RelayBench(configuration(names, change), policy: policy, rules: Self.rules)
    bench.mood = .takes(after: 0)
    return bench
  }

  private func configuration(
    _ names: [String], _ change: (inout Configuration) -> Void = { _ in }
  ) -> Configuration {
    var configuration = Configuration(
      hostname: "gate.test",
      upstreams: names.enumerated().map { place, name in
        var upstream = Configuration.Upstream(name: name)
        upstream.host = "\(name).test"
        upstream.security = .none
        upstream.priority = 10 * (place + 1)
        return upstream
      })
    change(&configuration)
    return configuration
  }

  private func accept(_ bench: RelayBench, _ count: Int = 1, to recipients: [String] = ["b@c.example"]) {
    bench.accept((0..<count).map { ("a\($0)@b.example", "shop") }, to: recipients)
  }

  private func message(_ bench: RelayBench) -> MessageView? { bench.queue.page(after: nil, limit: 1).first }

  @Test("the next one of the way takes it at once, and no attempt counts")
  func next() throws {
    let bench = try bench(["one", "two"])
    defer { bench.end() }
    bench.moods["one.test"] = .refuses(Self.tooLarge)
    bench.moods["two.test"] = .silent
    accept(bench, to: ["1@c.example", "2@c.example"])
    bench.pass(1_000)
    let waiting = try #require(message(bench))
    #expect(waiting.attempts == 0 && waiting.state == .sending)
    let notes = bench.detours.notes(of: waiting.id)
    #expect(notes.map(\.upstream) == ["one"] && notes.map(\.reply) == [Self.tooLarge])
    #expect(notes.first?.indexes == [0, 1] && waiting.lanes.map { bench.detours.way(of: $0)?.names } == [["two"]])
  }

  @Test("each upstream of the way is asked once, and the one that takes it gets it once")
  func each() throws {
    let bench = try bench(["one", "two", "three", "four"])
    defer { bench.end() }
    for name in ["one", "two", "three"] { bench.moods["\(name).test"] = .refuses(Self.tooLarge) }
    accept(bench, 20)
    bench.pass(2_000)
    #expect(bench.taken.mapValues(\.count) == ["four.test": 20] && bench.dots.count == 80)
    #expect(message(bench) == nil)
    // The healthy ones are those of the routes: a detour makes nobody else but a stand-in.
    #expect(["one", "two", "four"].map { bench.board[$0].state } == ["ok", "standby", "standby"])
  }

  @Test("when all of the way have refused it, it fails with the last reply, and nobody is asked twice")
  func nobodyLeft() throws {
    let bench = try bench(["one", "two"])
    defer { bench.end() }
    bench.mood = .refuses(Self.tooLarge)
    accept(bench)
    bench.pass(300_000, step: 1_000)
    let failed = try #require(message(bench))
    #expect(failed.state == .failed && failed.attempts == 1 && bench.dots.count == 2)
    let last = try #require(try bench.queue.details(failed.id)?.replies.first)
    #expect(last.reply == Self.tooLarge && last.upstream == "two")
  }

  @Test("a last reply that is transient defers it, and the next round begins with the first one again")
  func nextRound() throws {
    let bench = try bench(["one", "two"])
    defer { bench.end() }
    let later = Reply(452, EnhancedStatus(4, 3, 4), "too large for now")
    bench.mood = .refuses(later)
    accept(bench)
    bench.pass(2_000)
    #expect(message(bench)?.state == .deferred && message(bench)?.attempts == 1 && bench.dots.count == 2)
    #expect(message(bench)?.recipients.first?.lane == 0)
    bench.moods["one.test"] = .takes(after: 0)
    bench.pass(120_000, step: 1_000)
    #expect(bench.taken.mapValues(\.count) == ["one.test": 1] && bench.dots.count == 3)
  }

  @Test("if those that are left cannot take mail now, it is deferred with the reply, whatever its first digit")
  func nobodyNow() throws {
    let bench = try bench(["one", "two"])
    defer { bench.end() }
    bench.moods["one.test"] = .refuses(Self.tooLarge)
    bench.pause("two")
    accept(bench)
    bench.pass(2_000)
    let deferred = try #require(message(bench))
    #expect(deferred.state == .deferred && deferred.attempts == 1)
    #expect(try bench.queue.details(deferred.id)?.replies.first?.upstream == "one")
    bench.pause()
    bench.pass(120_000, step: 1_000)
    #expect(bench.taken.mapValues(\.count) == ["two.test": 1])
  }

  @Test("mail that waits for an upstream that cannot any more goes back, and keeps no lifetime standing still")
  func sentHome() throws {
    let bench = try bench(["one", "two"]) { $0.upstreams[1].maxConnections = 1 }
    defer { bench.end() }
    bench.moods["one.test"] = .refuses(Self.tooLarge)
    bench.moods["two.test"] = .takes(after: 10_000)
    accept(bench, 3)
    bench.pass(2_000)
    #expect(bench.taken["two.test"]?.count == 1)
    bench.pause("two")
    bench.pass(2_000)
    // They have met the first one again, which leaves nobody.
    #expect(bench.queue.page(after: nil, limit: 9).map(\.state) == [.sending, .deferred, .deferred])
    #expect(bench.queue.readyCount(now: bench.now) == 0)
  }

  @Test("only the recipients that were refused so go on; the others are done")
  func some() throws {
    let bench = try bench(["one", "two"]) { configuration in
      var route = Configuration.Route(number: 1, via: ["two"])
      route.to = [MailboxPattern("@direct.example")!]
      configuration.routes = [route]
    }
    defer { bench.end() }
    bench.moods["one.test"] = .refuses(Self.tooLarge)
    accept(bench, to: ["1@c.example", "1@direct.example", "2@c.example"])
    bench.pass(2_000)
    #expect(bench.taken["two.test"].map { Set($0) } == [["1@direct.example"], ["1@c.example", "2@c.example"]])
    #expect(bench.dots.count == 3 && message(bench) == nil)
  }

  @Test("other routes begin anew: what was sent on is asked for by the new way")
  func reload() throws {
    let bench = try bench(["one", "two"])
    defer { bench.end() }
    bench.moods["one.test"] = .refuses(Self.tooLarge)
    bench.moods["two.test"] = .takes(after: 10_000)
    accept(bench, 30)
    bench.pass(2_000)
    bench.moods["three.test"] = .takes(after: 0)
    bench.reload(configuration(["three"]))
    bench.pass(60_000)
    #expect(message(bench) == nil)
    #expect(bench.taken["two.test"]!.count + bench.taken["three.test"]!.count == 30)
    #expect(bench.detours.all.isEmpty)
  }

  @Test("the names of ways are bounded: when there is no number for another one, mail is deferred")
  func bounded() {
    let table = RouteTable(configuration((0..<9).map { "u\($0)" }))
    let detours = Detours()
    detours.adopt(table, routing: 0)
    var lanes = [UInt8(0)]
    var made = Set<UInt8>()
    while let lane = lanes.popLast() {
      for name in detours.way(of: lane)?.names ?? [] {
        guard let next = detours.lane(from: lane, past: name) else { continue }
        #expect(detours.home(of: next) == 0 && detours.way(of: next)?.names.contains(name) == false)
        if made.insert(next).inserted { lanes.append(next) }
      }
    }
    #expect(made.count == 255 && !made.contains(0))
  }

  @Test("what was said is remembered for so many messages, the newest")
  func memory() {
    let detours = Detours()
    for number in 1...UInt64(Detours.messagesMax + 5) {
      for upstream in ["a", "b", "c", "d", "e", "e"] {
        detours.note(
          Detours.Note(upstream: upstream, reply: Self.tooLarge, indexes: [0], wall: 1),
          about: MessageID(number: number))
      }
    }
    #expect(detours.notes(of: MessageID(number: 5)).isEmpty)
    #expect(detours.notes(of: MessageID(number: 6)).map(\.upstream) == ["b", "c", "d", "e"])
    detours.forget(MessageID(number: 6))
    #expect(detours.notes(of: MessageID(number: 6)).isEmpty)
  }
}
