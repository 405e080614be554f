// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue
import SMTP
import TestKit
import Testing

@testable import Gateway

@Suite("Connections to an upstream")
struct ConnectionPoolTests {
  private func bench(_ policy: QueuePolicy = QueuePolicy(segmentOctets: 1 << 20)) throws -> RelayBench {
    try RelayBench(connections: 1, policy: policy)
  }

  private func message(_ sender: String) -> [(sender: String, login: String)] { [("\(sender)@b.example", "shop")] }

  @Test("one that is given a message at the moment when it has been idle for long enough keeps it")
  func idle() throws {
    let bench = try bench(QueuePolicy(retry: [60_000], segmentOctets: 1 << 20))
    defer { bench.end() }
    bench.mood = .defers
    bench.accept(message("first"))
    bench.pass(100)
    let due = try #require(bench.queue.page(after: nil, limit: 1).first?.nextAttempt)
    bench.mood = .takes(after: 0)
    bench.pass(due - bench.now.wall - Int64(ConnectionPool.idleSeconds) * 1000, step: 1)
    bench.accept(message("second"))
    bench.pass(Int64(ConnectionPool.idleSeconds) * 1000, step: 1)
    #expect(bench.now.wall == due)
    bench.pass(100)
    #expect(bench.taken["relay.test"]?.count == 2)
    #expect(bench.queue.summary(now: bench.now).messages == 0)
  }

  @Test("what one of older settings gives back goes over a new one at once")
  func givenBack() throws {
    let bench = try bench()
    defer { bench.end() }
    bench.mood = .refusesLate(Reply(530, EnhancedStatus(5, 7, 0), "who are you"), after: 5_000)
    bench.accept(message("first"))
    bench.pass(1_000)
    var configuration = Configuration(hostname: "gate.test", upstream: Configuration.Upstream(name: "office"))
    configuration.upstream.host = "relay.test"
    configuration.upstream.security = .none
    bench.reload(configuration)
    bench.pass(1_000)
    bench.mood = .takes(after: 0)
    bench.pass(4_000)
    #expect(bench.taken["relay.test"]?.count == 1)
  }

  @Test("however much mail waits, an upstream that cannot be reached is asked once for each place that there is")
  func failingAtOnce() throws {
    let bench = try bench()
    defer { bench.end() }
    bench.accept((0..<50).map { ("a\($0)@b.example", "shop") })
    bench.pass(1_000)
    #expect(bench.connects == 1)
  }
}
