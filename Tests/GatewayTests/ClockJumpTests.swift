// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import Testing

@testable import Gateway
@testable import Queue

/// The wall clock is set by a day or a year, forth and back, while mail waits: it neither expires nor makes anybody spin.
@Suite("A wall clock that jumps") struct ClockJumpTests {
  private static let minute: Int64 = 60_000
  private static let day: Int64 = 86_400_000
  private static let jumps: [Int64] = [-365 * day, -day, -3_600_000, -1_000, 1_000, 3_600_000, day, 365 * day]

  @Test("while messages are deferred expires none of them, and nobody runs more often for it", arguments: jumps)
  func deferred(jump: Int64) throws {
    let steady = try Self.runs(jump: 0)
    let jumped = try Self.runs(jump: jump)
    #expect(jumped.deferred == 50 && steady.deferred == 50)
    #expect(jumped.tries == steady.tries)
    #expect(jumped.clockReads <= steady.clockReads + 10)
    #expect(jumped.lifetime == steady.lifetime)
  }

  private struct Course {
    var deferred = 0
    var tries = 0
    var clockReads = 0
    var lifetime: Int64 = 0
  }

  /// Two hours of a queue that is deferred again and again; the clock jumps thrice in it, and in the end back.
  private static func runs(jump: Int64) throws -> Course {
    let bench = try RelayBench(connections: 2)
    defer { bench.end() }
    bench.mood = .defers
    bench.accept((0..<50).map { ("n\($0)@news.test", "news") })
    let before = bench.clockReads
    for part in [jump, jump, jump, -3 * jump] {
      bench.pass(30 * minute, step: 1_000)
      bench.jump(part)
    }
    let view = bench.queue.page(after: nil, limit: 1)[0]
    return Course(
      deferred: bench.queue.summary(now: bench.now).deferred, tries: bench.dots.count,
      clockReads: bench.clockReads - before, lifetime: view.expires - view.received)
  }

  @Test("while the upstream is away stops no lifetime from standing still, and counts for none", arguments: jumps)
  func standstill(jump: Int64) throws {
    let bench = try RelayBench(connections: 2, policy: QueuePolicy(lifetime: Self.day, segmentOctets: 1 << 20))
    defer { bench.end() }
    bench.accept((0..<20).map { ("n\($0)@news.test", "news") })
    // Ten times their lifetime.
    for part in [jump, -jump] {
      bench.pass(5 * Self.day, step: 10 * Self.minute)
      bench.jump(part)
    }
    #expect(bench.queue.summary(now: bench.now).queued == 20)
    let view = bench.queue.page(after: nil, limit: 1)[0]
    let extended = view.expires - view.received - Self.day
    #expect(abs(extended - 10 * Self.day) <= 15 * Self.minute, "\(extended)")
    bench.mood = .defers
    bench.pass(10 * Self.minute, step: 1_000)
    #expect(bench.queue.summary(now: bench.now).deferred == 20, "the first attempt after it expires nothing")
    bench.mood = .takes(after: 10)
    bench.pass(20 * Self.minute, step: 1_000)
    #expect(bench.queue.summary(now: bench.now).messages == 0)
  }
}
