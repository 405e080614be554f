// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Gateway
@testable import Queue

@Suite("After an outage") struct RampTests {
  private static let hour: Int64 = 3_600_000

  /// A newsletter of 19,900 messages, then ten people with ten each.
  private static let mail: [(sender: String, login: String)] =
    (0..<19_900).map { ("n\($0)@news.test", "news") }
    + (0..<100).map { ("u\($0)@people.test", "user\($0 % 10)") }

  @Test("twenty thousand messages come back with a ramp, in turns, the oldest first, and nobody starves")
  func ramp() throws {
    let bench = try RelayBench(connections: 20)
    defer { bench.end() }
    bench.accept(Self.mail)
    bench.pass(8 * Self.hour, step: 60_000)
    #expect(bench.dots.isEmpty && bench.queue.summary(now: bench.now).queued == 20_000)
    let before = bench.now.monotonic - RelayBench.start.monotonic
    bench.mood = .takes(after: 1_000)
    // The next probe is five minutes away at most, and a fifth.
    for _ in 0..<360 where bench.dots.isEmpty { bench.pass(1_000, step: 250) }
    let began = try #require(bench.dots.first?.time)
    #expect(began - before <= 6 * 60_000)
    bench.pass(61_000, step: 250)
    var starts = [Int](repeating: 0, count: 60)
    for dot in bench.dots where (dot.time - began) / 1_000 < 60 { starts[Int((dot.time - began) / 1_000)] += 1 }
    for second in 1..<60 { #expect(starts[second] <= 2 * starts[second - 1] + 1, "in second \(second): \(starts)") }
    #expect(starts[0] <= 2 && starts.contains { (5...14).contains($0) } && starts[30...].allSatisfy { $0 > 10 })
    #expect(bench.openPeersMax == 20)
    // Eleven submitters take turns: who has ten messages is done after a hundred and ten.
    let order = bench.dots.map(\.sender)
    #expect(order.prefix(130).count { $0.hasSuffix("@people.test") } == 100, "the people wait for the newsletter")
    for kind in ["n", "u"] {
      let numbers = order.filter { $0.hasPrefix(kind) }.map { Int($0.dropFirst().prefix { $0 != "@" })! }
      let disorder = zip(numbers, numbers.dropFirst()).map { $0 - $1 }.max() ?? 0
      #expect(disorder < 20, "no message is overtaken by more than are under way")
    }
    #expect(Set(order).count == order.count)
  }

  @Test("an upstream that is still ill stays at one connection")
  func stillIll() throws {
    let bench = try RelayBench(connections: 20)
    defer { bench.end() }
    bench.accept((0..<50).map { ("n\($0)@news.test", "news") })
    bench.pass(Self.hour, step: 1_000)
    bench.mood = .defers
    bench.pass(6 * 60_000, step: 250)
    #expect(bench.openPeersMax == 1 && bench.dots.count >= 50)
  }

  @Test("what was deferred together does not come back together")
  func spread() throws {
    let bench = try RelayBench(connections: 20, policy: QueuePolicy(retry: [600_000], segmentOctets: 1 << 20))
    defer { bench.end() }
    bench.mood = .defers
    bench.accept((0..<500).map { ("n\($0)@news.test", "news") })
    bench.pass(30_000)
    #expect(bench.dots.count == 500)
    bench.pass(750_000)
    var minutes: [Int64: Int] = [:]
    for dot in bench.dots.dropFirst(500).prefix(500) { minutes[dot.time / 60_000, default: 0] += 1 }
    #expect(minutes.count >= 4 && minutes.values.allSatisfy { $0 < 200 }, "\(minutes)")
  }

  @Test("a message to whose dot the upstream never answers is tried a few times an hour, and may be there already")
  func silence() throws {
    let bench = try RelayBench(connections: 2)
    defer { bench.end() }
    bench.mood = .silent
    bench.accept([("a@people.test", "a")])
    let id = try #require(bench.queue.page(after: nil, limit: 1).first?.id)
    bench.pass(6 * Self.hour, step: 1_000)
    for hour in 0..<Int64(6) {
      let tries = bench.dots.count { $0.time / Self.hour == hour }
      #expect(tries <= 5, "\(tries) in hour \(hour)")
    }
    #expect(bench.dots.count >= 6)
    #expect(try bench.queue.details(id)?.duplicatePossible == true)
  }
}
