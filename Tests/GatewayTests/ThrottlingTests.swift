// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Queue
import SMTP
import Testing

@testable import Gateway

@Suite("An upstream that wants less mail and ends the connection over it")
struct ThrottlingTests {
  private static let throttling = Reply(454, nil, "Throttling failure: Maximum sending rate exceeded.")

  private func bench() throws -> RelayBench {
    let upstreams = ["one", "two"].map { name in
      var upstream = Configuration.Upstream(name: name)
      upstream.host = "\(name).test"
      upstream.security = .none
      upstream.priority = name == "one" ? 10 : 20
      return upstream
    }
    var match = ExplainRule.Match()
    match.codes = [454]
    let rule = ExplainRule(match: match, cause: "too much", fix: "nothing", action: .slow)
    let bench = try RelayBench(
      Configuration(hostname: "gate.test", upstreams: upstreams), rules: ExplainRules([rule]))
    bench.mood = .takes(after: 0)
    bench.moods["one.test"] = .refuses(Self.throttling)
    bench.accept((0..<6).map { ("a\($0)@b.example", "shop") })
    return bench
  }

  @Test("is slow, keeps its turn, and its mail is neither tried in vain nor sent elsewhere")
  func slow() throws {
    let bench = try bench()
    defer { bench.end() }
    bench.pass(20_000)
    let health = bench.board["one"]
    #expect(health.state == "slow" && health.trouble?.reply == Self.throttling)
    #expect(bench.taken.isEmpty)
    #expect((2...7).contains(bench.dots.count))
    #expect(bench.queue.page(after: nil, limit: 10).map(\.state) == Array(repeating: .queued, count: 6))
    // As soon as it takes some, it gets all.
    bench.moods["one.test"] = nil
    bench.pass(120_000)
    #expect(bench.taken.mapValues(\.count) == ["one.test": 6])
  }

  @Test("does not work if the slowest pace is too much for it, and then the next one carries")
  func tooSlow() throws {
    let bench = try bench()
    defer { bench.end() }
    bench.pass(600_000, step: 1_000)
    #expect(bench.board["one"].state == "unreachable")
    #expect(bench.taken.mapValues(\.count) == ["two.test": 6])
  }

  @Test("a file of quotas with numbers that nobody counted is none, and no reason to end")
  func absurdQuota() throws {
    for counts in [[Int.max, Int.max], [-1], [0], [2_000_000_000]] {
      let storage = QuotaMemory()
      var record = QuotaRecord()
      record.upstreams["one"] = QuotaRecord.Entry(
        unit: "messages", parts: counts.map { QuotaRecord.Part(start: Timestamp(milliseconds: 0), count: $0) })
      try storage.write(record)
      var upstream = Configuration.Upstream(name: "one")
      upstream.host = "one.test"
      upstream.security = .none
      upstream.quota = Configuration.Quota(count: 3)
      let bench = try RelayBench(Configuration(hostname: "gate.test", upstreams: [upstream]), storage: storage)
      defer { bench.end() }
      bench.mood = .takes(after: 0)
      bench.accept([("a@b.example", "shop")])
      bench.pass(2_000)
      #expect(bench.taken.mapValues(\.count) == ["one.test": 1] && bench.board["one"].state == "ok")
    }
  }
}
