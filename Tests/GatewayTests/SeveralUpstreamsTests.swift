// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue
import SMTP
import TestKit
import Testing

@testable import Gateway

@Suite("Several upstreams: who carries which mail, and who takes over")
struct SeveralUpstreamsTests {
  /// Of upstreams with hosts `NAME.test`.
  private func configuration(
    _ upstreams: [(name: String, priority: Int)], _ change: (inout Configuration) -> Void = { _ in }
  ) -> Configuration {
    var configuration = Configuration(
      hostname: "gate.test",
      upstreams: upstreams.map { name, priority in
        var upstream = Configuration.Upstream(name: name)
        upstream.host = "\(name).test"
        upstream.security = .none
        upstream.priority = priority
        return upstream
      })
    change(&configuration)
    return configuration
  }

  private func route(_ number: Int, to: String, via: [String]) -> Configuration.Route {
    var route = Configuration.Route(number: number, via: via)
    route.to = [MailboxPattern(to)!]
    return route
  }

  private func accept(_ bench: RelayBench, _ count: Int = 1, to recipients: [String] = ["b@c.example"]) {
    bench.accept((0..<count).map { ("a\($0)@b.example", "shop") }, to: recipients)
  }

  private func states(_ bench: RelayBench, _ names: String...) -> [String] {
    names.map { name in
      let health = bench.board[name]
      return health.state + (health.reason.map { " (\($0))" } ?? "")
    }
  }

  @Test("the first priority carries all; the second one takes over while it cannot be reached, and gives back")
  func failover() throws {
    let bench = try RelayBench(configuration([("one", 10), ("two", 20)]))
    defer { bench.end() }
    bench.mood = .takes(after: 0)
    accept(bench, 3)
    bench.pass(1_000)
    #expect(bench.taken.mapValues(\.count) == ["one.test": 3])
    #expect(states(bench, "one", "two") == ["ok", "standby"])
    bench.moods["one.test"] = .down
    // Idle connections end first.
    bench.pass(30_000)
    accept(bench, 4)
    bench.pass(1_000)
    #expect(bench.taken.mapValues(\.count) == ["one.test": 3, "two.test": 4])
    #expect(states(bench, "one", "two") == ["unreachable", "ok"])
    bench.moods["one.test"] = nil
    bench.pass(400_000)
    accept(bench, 5)
    bench.pass(1_000)
    accept(bench, 5)
    bench.pass(1_000)
    #expect(states(bench, "one", "two") == ["ok", "standby"])
    #expect(bench.taken["one.test"]!.count >= 8)
  }

  @Test("paused by hand is as good as ill: the next one of the way carries")
  func pausedByHand() throws {
    let bench = try RelayBench(configuration([("one", 10), ("two", 20)]))
    defer { bench.end() }
    bench.mood = .takes(after: 0)
    bench.pause("one")
    accept(bench, 3)
    bench.pass(1_000)
    #expect(bench.taken.mapValues(\.count) == ["two.test": 3])
    #expect(states(bench, "one", "two") == ["paused (admin)", "ok"])
    bench.pause("one", "two")
    accept(bench, 3)
    bench.pass(1_000)
    #expect(bench.taken.mapValues(\.count) == ["two.test": 3])
    bench.pause("two")
    bench.pass(1_000)
    #expect(bench.taken.mapValues(\.count) == ["one.test": 3, "two.test": 3])
  }

  @Test("the same priority shares")
  func sharing() throws {
    let bench = try RelayBench(configuration([("one", 10), ("two", 10)]))
    defer { bench.end() }
    bench.mood = .takes(after: 200)
    accept(bench, 100)
    bench.pass(20_000)
    #expect(bench.taken["one.test"]!.count + bench.taken["two.test"]!.count == 100)
    #expect(bench.taken["one.test"]!.count > 20 && bench.taken["two.test"]!.count > 20)
    #expect(states(bench, "one", "two") == ["ok", "ok"])
  }

  @Test("routes split the recipients of one message, and a way that is ill keeps nobody else waiting")
  func routes() throws {
    let configuration = configuration([("one", 10), ("two", 20), ("three", 30)]) {
      $0.routes = [
        route(1, to: "@shop.example", via: ["three"]), route(2, to: "@list.example", via: ["two", "one"]),
      ]
    }
    let bench = try RelayBench(configuration)
    defer { bench.end() }
    bench.mood = .takes(after: 0)
    bench.moods["three.test"] = .down
    accept(bench, to: ["1@shop.example", "1@list.example", "1@other.example", "2@shop.example"])
    accept(bench, 50, to: ["3@shop.example"])
    bench.pass(5_000)
    #expect(bench.taken == ["one.test": [["1@other.example"]], "two.test": [["1@list.example"]]])
    accept(bench, 20)
    bench.pass(5_000)
    #expect(bench.taken["one.test"]!.count == 21)
    // It has mail that nobody else may carry.
    #expect(states(bench, "three") == ["unreachable"])
    bench.moods["three.test"] = nil
    bench.pass(400_000)
    #expect(bench.taken["three.test"]?.count == 51)
    #expect(bench.taken["three.test"]?.contains(["1@shop.example", "2@shop.example"]) == true)
    #expect(bench.queue.readyCount(now: bench.now) == 0)
  }

  @Test("a reload sends what waits the new way, also mail that had none that works")
  func reroute() throws {
    let bench = try RelayBench(
      configuration([("one", 10), ("two", 20)]) { $0.routes = [route(1, to: "@shop.example", via: ["two"])] })
    defer { bench.end() }
    bench.mood = .takes(after: 0)
    bench.moods["two.test"] = .down
    accept(bench, 600, to: ["1@shop.example"])
    bench.pass(2_000)
    #expect(bench.taken.isEmpty)
    bench.reload(configuration([("one", 10), ("two", 20)]))
    bench.pass(60_000)
    #expect(bench.taken["one.test"]?.count == 600 && bench.queue.page(after: nil, limit: 1).isEmpty)
  }

  @Test("an upstream that is configured no more ends what it carries and gets nothing new")
  func removed() throws {
    let bench = try RelayBench(configuration([("one", 10), ("two", 20)]) { $0.upstreams[0].maxConnections = 1 })
    defer { bench.end() }
    bench.mood = .takes(after: 5_000)
    accept(bench, 1)
    bench.pass(1_000)
    accept(bench, 3)
    bench.reload(configuration([("two", 20)]))
    bench.pass(60_000)
    #expect(
      bench.taken == ["one.test": [["b@c.example"]], "two.test": [["b@c.example"], ["b@c.example"], ["b@c.example"]]])
    #expect(bench.queue.page(after: nil, limit: 1).isEmpty)
  }

  @Test("what waits for an upstream is what its ways have, not what others have")
  func ready() throws {
    let configuration = configuration([("one", 10), ("two", 20), ("three", 30)]) {
      $0.routes = [
        route(1, to: "@shop.example", via: ["three"]), route(2, to: "@list.example", via: ["two", "one"]),
      ]
    }
    let bench = try RelayBench(configuration)
    defer { bench.end() }
    accept(bench, 2, to: ["1@shop.example"])
    accept(bench, 3, to: ["1@list.example"])
    accept(bench, 4)
    let ways = Settings.plain(configuration).routes.ways
    let counts = ["one", "two", "three", "four"].map { name in
      bench.queue.readyCount(through: name, of: ways, now: bench.now)
    }
    #expect(counts == [7, 7, 6, 0] && bench.queue.readyCount(now: bench.now) == 9)
  }

  @Test("lifetimes stand still while some mail has no upstream that can take it, and go on when it has")
  func standstill() throws {
    let policy = QueuePolicy(retry: [1_000], lifetime: 600_000, segmentOctets: 1 << 20)
    let bench = try RelayBench(
      configuration([("one", 10), ("two", 20)]) { $0.routes = [route(1, to: "@shop.example", via: ["two"])] },
      policy: policy)
    defer { bench.end() }
    bench.mood = .takes(after: 0)
    bench.pause("two")
    accept(bench, to: ["1@shop.example"])
    bench.pass(3_600_000, step: 10_000)
    bench.moods["two.test"] = .defers
    bench.pause()
    bench.pass(300_000, step: 1_000)
    // Deferred again and again, and young still.
    #expect(bench.queue.page(after: nil, limit: 1).first?.state == .deferred)
    bench.pass(400_000, step: 1_000)
    #expect(bench.queue.page(after: nil, limit: 1).first?.state == .failed)
  }
}
