// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import NIOCore
import Queue
import SMTP
import Synchronization
import TestKit
import Testing

@testable import Gateway

@Suite("What an upstream may be given in a time")
struct BudgetTests {
  @Test("what was counted is forgotten when the whole time has passed, not before, and not much later")
  func rolling() {
    var count = RollingCount(limit: 10, window: 64_000)
    count.add(4, at: 1_000_500)
    count.add(6, at: 1_010_000)
    #expect(count.used(at: 1_064_499) == 10)
    let room = count.roomAt(1_020_000)
    #expect(room == 1_065_000)
    let later = count.roomAt(1_065_000)
    #expect(later == nil && count.used(at: 1_065_000) == 6)
    #expect(count.used(at: 1_080_000) == 0)
  }

  @Test("a clock that went back forgets nothing, and what is in its future does not stay for ever")
  func clockBack() {
    var count = RollingCount(limit: 2, window: 64_000)
    count.add(2, at: 900_000_000)
    let room = count.roomAt(1_000_000)
    let later = count.roomAt(1_065_000)
    #expect(room == 1_065_000 && later == nil)
  }

  @Test("each slow-down halves the connections, then pauses between messages; quiet time eases it step by step")
  func pace() {
    let reply = Reply(450, EnhancedStatus(4, 7, 1), "slow down")
    var pace = Pace()
    // The second one is of the same moment.
    let times: [Int64] = [0, 1_000, 10_000, 20_000]
    let slowed = times.map { now in
      let isSlower = pace.slowed(reply, now: now)
      return (isSlower, pace.connectionsMax(4), pace.pauseMilliseconds(configured: 4))
    }
    #expect(slowed.map(\.0) == [true, false, true, true])
    #expect(slowed.map(\.1) == [2, 2, 1, 1])
    #expect(slowed.map(\.2) == [0, 0, 0, 1_000])
    pace.began(configured: 4, now: 20_000)
    #expect(pace.opensAt(now: 20_500) == 21_000 && pace.opensAt(now: 21_000) == nil)
    var eased: [Int64] = []
    while let next = pace.nextEase {
      let isTooEarly = pace.ease(now: next - 1)
      let isEased = pace.ease(now: next)
      #expect(isEased && !isTooEarly)
      eased.append(next)
    }
    #expect(eased == [320_000, 620_000, 920_000])
    #expect(pace.reply == nil && pace.connectionsMax(4) == 4)
  }

  @Test("from 80 % on status warns, with the time when it is less again, and then with the time of resumption")
  func warnings() throws {
    let bench = try RelayBench(
      configuration { $0.quota = Configuration.Quota(count: 5, unit: .messages, seconds: 6_400) },
      storage: QuotaMemory())
    defer { bench.end() }
    bench.mood = .takes(after: 0)
    let settings = Settings.plain(configuration { _ in }).upstreams[0]
    func status() -> StatusReply.Upstream {
      StatusReply.Upstream(settings, bench.board["one"], now: bench.now)
    }
    func send(_ count: Int) {
      bench.accept((0..<count).map { ("a\($0)@b.example", "shop") })
      bench.pass(1_000)
    }
    send(3)
    #expect(status().quota?.used == 3 && status().quota?.eases == nil && status().warning == nil)
    send(1)
    let nearly = try #require(status().quota)
    #expect(nearly.used == 4 && nearly.limit == 5 && nearly.resumes == nil)
    let eases = try #require(nearly.eases)
    #expect(status().warning?.code == "upstream.quota" && status().state == "ok")
    #expect(
      status().warning?.message
        == "one has nearly used its quota: 4 of 5 messages in 1 h; below 80 % again at \(eases.forPeople) if nothing "
        + "more is sent")
    send(1)
    let used = try #require(status().quota)
    let resumes = try #require(used.resumes)
    #expect(status().state == "paused" && status().reason == "quota" && status().nextProbe == resumes)
    #expect(status().warning?.message.hasSuffix("5 of 5 messages in 1 h; room again at \(resumes.forPeople)") == true)
    // As it is known: nothing has to happen for it to be true.
    let later = bench.now.advanced(by: resumes.milliseconds - bench.now.wall)
    let then = StatusReply.Upstream(settings, bench.board["one"], now: later)
    #expect(then.quota?.used == 0 && then.quota?.resumes == nil && then.warning == nil)
  }

  @Test("upstream show has rate, quota and pace, each with the time at which more goes on")
  func shown() throws {
    let upstream = configuration {
      $0.rate = Configuration.Rate(count: 2, seconds: 64)
      $0.maxConnections = 4
    }.upstreams[0]
    let now = RelayBench.start
    var health = UpstreamHealth()
    var rate = RollingCount(limit: 2, window: 64_000)
    func facts() -> [String] {
      UpstreamReply.Fact.budgets(upstream, nil, health, now: now).map { "\($0.name): \($0.value)" }
    }
    health.budget.rate = rate
    #expect(facts() == ["rate: 2 messages in 64 s"])
    rate.add(2, at: now.monotonic)
    health.budget.rate = rate
    var pace = Pace()
    for time: Int64 in [0, 10_000, 20_000] { _ = pace.slowed(Reply(450, nil, "x"), now: now.monotonic + time - 20_000) }
    health.pace = pace
    func time(_ seconds: Int64) -> String { Timestamp(milliseconds: now.wall + seconds * 1000).forPeople }
    #expect(
      facts() == [
        "rate: 2 messages in 64 s; the next one at \(time(65))",
        "pace: at most 1 connections, 1000 ms between messages; eased at \(time(300))",
      ])
  }

  // MARK: an upstream

  private func configuration(_ change: (inout Configuration.Upstream) -> Void) -> Configuration {
    let upstreams = ["one", "two"].map { name in
      var upstream = Configuration.Upstream(name: name)
      upstream.host = "\(name).test"
      upstream.security = .none
      upstream.priority = name == "one" ? 10 : 20
      if name == "one" { change(&upstream) }
      return upstream
    }
    return Configuration(hostname: "gate.test", upstreams: upstreams)
  }

  @Test("a rate lets mail wait and moves none of it to the next upstream")
  func rate() throws {
    let bench = try RelayBench(configuration { $0.rate = Configuration.Rate(count: 5, seconds: 60) })
    defer { bench.end() }
    bench.mood = .takes(after: 0)
    bench.accept((0..<12).map { ("a\($0)@b.example", "shop") })
    bench.pass(30_000)
    #expect(bench.taken.mapValues(\.count) == ["one.test": 5])
    // However long that takes, nothing stands still that should move.
    #expect(bench.dispatcher.look()["one"]?.waiting == 7 && bench.dispatcher.look()["one"]?.isOpen == false)
    bench.pass(35_000)
    #expect(bench.taken.mapValues(\.count) == ["one.test": 10])
    bench.pass(65_000)
    #expect(bench.taken.mapValues(\.count) == ["one.test": 12])
  }

  @Test("a quota that is used up pauses the upstream until there is room; the next one carries meanwhile")
  func quota() throws {
    let storage = QuotaMemory()
    let bench = try RelayBench(
      configuration { $0.quota = Configuration.Quota(count: 3, unit: .messages, seconds: 3_600) }, storage: storage)
    bench.mood = .takes(after: 0)
    bench.accept((0..<5).map { ("a\($0)@b.example", "shop") })
    bench.pass(5_000)
    #expect(bench.taken.mapValues(\.count) == ["one.test": 3, "two.test": 2])
    let health = bench.board["one"]
    #expect(health.state == "paused" && health.reason == "quota" && health.budget.use(at: bench.now.wall)?.used == 3)
    let until = try #require(health.nextProbe)
    #expect(until > bench.now.monotonic + 3_500_000 && until < bench.now.monotonic + 3_720_000)
    bench.end()

    // The next process knows it.
    let next = try RelayBench(
      configuration { $0.quota = Configuration.Quota(count: 3, unit: .messages, seconds: 3_600) }, storage: storage)
    defer { next.end() }
    next.mood = .takes(after: 0)
    next.accept([("b@b.example", "shop")])
    next.pass(5_000)
    #expect(next.taken.mapValues(\.count) == ["two.test": 1])
    next.pass(3_800_000, step: 10_000)
    next.accept([("c@b.example", "shop")])
    next.pass(5_000)
    #expect(next.taken.mapValues(\.count) == ["two.test": 1, "one.test": 1])
    #expect(next.board["one"].state == "ok")
  }

  @Test(
    "room that comes of a wall clock that is set is found within a minute, with mail under way or without",
    arguments: [(0, 3, 5), (500_000, 3, 4)])
  func clockSet(laterTakes milliseconds: Int64, before: Int, behind: Int) throws {
    var configuration = configuration {
      $0.quota = Configuration.Quota(count: 3, unit: .messages, seconds: 86_400)
      $0.maxConnections = 5
    }
    configuration.upstreams.removeLast()
    let bench = try RelayBench(configuration, storage: QuotaMemory())
    defer { bench.end() }
    bench.mood = .takes(after: 0)
    bench.accept([("first@b.example", "shop")])
    bench.pass(1_000)
    bench.mood = .takes(after: milliseconds)
    bench.accept((0..<4).map { ("a\($0)@b.example", "shop") })
    bench.pass(5_000)
    #expect(bench.dots.count == before)
    bench.jump(2 * 86_400_000)
    bench.pass(61_000)
    #expect(bench.dots.count == behind)
  }
}

/// The file of a test.
final class QuotaMemory: QuotaStorage {
  private let record = Mutex(QuotaRecord())

  func read() throws(QuotaError) -> QuotaRecord { record.withLock { $0 } }

  func write(_ new: QuotaRecord) throws(QuotaError) { record.withLock { $0 = new } }
}
