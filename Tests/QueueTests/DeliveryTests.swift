// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import TestKit
import Testing
import WAL

@Suite struct DeliveryTests {
  private static let steps: [Int64] = [1, 5, 15, 30, 60, 120, 240].map { $0 * minute }

  @Test(
    "outcomes of one recipient, now and after a restart",
    arguments: [
      (.delivered, nil), (.failed, .failed), (.deferred, .deferred),
    ] as [(RecipientOutcome.Result, MessageState?)])
  func outcomes(result: RecipientOutcome.Result, expected: MessageState?) throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    bench.deliver(result)
    #expect(bench.queue.view(id)?.state == expected, "an outcome counts at once")
    bench.queue.log.step()
    for bench in [bench, try bench.restarted()] {
      #expect(bench.queue.view(id)?.state == expected)
      #expect(bench.queue.view(id)?.attempts == (expected == nil ? nil : 1))
      guard expected != nil else { continue }
      let details = try #require(try bench.queue.details(id))
      #expect(details.replies == [LastReply(index: 0, wall: QueueBench.start.wall, reply: bench.reply(result))])
    }
  }

  @Test("recipients of one message go their own ways")
  func mixedOutcomes() throws {
    let bench = try QueueBench()
    let id = bench.take("x", to: ["a@x.example", "b@x.example", "c@x.example", "d@x.example"])
    let lease = try bench.lease()
    #expect(lease.recipientIndexes == [0, 1, 2, 3])
    bench.queue.record(
      [
        RecipientOutcome(index: 0, result: .delivered, reply: bench.reply(.delivered)),
        RecipientOutcome(index: 1, result: .deferred, reply: bench.reply(.deferred), isUncertain: true),
        RecipientOutcome(index: 2, result: .failed, reply: bench.reply(.failed)),
      ], of: lease, now: bench.now, jitter: 0)
    bench.queue.log.step()
    // The recipient without an outcome is ready again, untouched.
    let second = try bench.lease()
    #expect(second.recipientIndexes == [3] && second.attempt == 1)
    #expect(second.envelope.recipients.map(\.text) == ["d@x.example"])
    bench.queue.record(
      [RecipientOutcome(index: 3, result: .delivered, reply: bench.reply(.delivered))], of: second, now: bench.now,
      jitter: 0)
    bench.queue.log.step()
    for bench in [bench, try bench.restarted()] {
      let view = try #require(bench.queue.view(id))
      #expect(view.recipients.map(\.state) == [.delivered, .deferred, .failed, .delivered])
      #expect(view.state == .deferred && view.nextAttempt == QueueBench.start.wall + 48_000)
      let details = try #require(try bench.queue.details(id))
      #expect(details.replies.map(\.reply.code) == [250, 451, 550, 250] && details.duplicatePossible)
    }
    bench.pass(minute)
    bench.deliver()
    #expect(bench.queue.view(id)?.state == .failed, "a failed recipient keeps the message")
    #expect(bench.deliver() == nil)
  }

  @Test("a lease that is released or dropped counts nothing")
  func release() throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    if let lease = bench.queue.lease(now: bench.now) { bench.queue.release(lease) }
    #expect(bench.queue.view(id)?.state == .queued)
    do { _ = bench.queue.lease(now: bench.now) }
    #expect(bench.queue.view(id)?.state == .queued && bench.queue.view(id)?.attempts == 0)
    bench.queue.log.step()
    bench.deliver(.deferred)
    bench.pass(2 * minute)
    if let lease = bench.queue.lease(now: bench.now) {
      #expect(lease.attempt == 2)
      bench.queue.release(lease)
    }
    #expect(bench.queue.view(id)?.state == .queued && bench.queue.view(id)?.attempts == 1)
    #expect(bench.deliver() == id)
  }

  @Test(
    "the policy's steps, and its last one from then on, spread over 80 to 120 % by the number that is given",
    arguments: [0, UInt64.max / 2, UInt64.max])
  func retrySteps(jitter: UInt64) throws {
    let bench = try QueueBench(policy: QueuePolicy(lifetime: 365 * day, segmentOctets: 256 << 10))
    let id = bench.take("x")
    for attempt in 1...10 {
      #expect(bench.deliver(.deferred, jitter: jitter) == id)
      let step = Self.steps[min(attempt, Self.steps.count) - 1]
      let wait = try #require(bench.queue.view(id)?.nextAttempt) - bench.now.wall
      #expect(wait >= step * 8 / 10 && wait <= step * 12 / 10)
      if jitter == 0 { #expect(wait == step * 8 / 10) }
      #expect(bench.queue.nextDue(now: bench.now) == bench.now.monotonic + wait)
      bench.pass(wait - 1)
      #expect(bench.deliver() == nil)
      bench.pass(1)
    }
    #expect(bench.queue.view(id)?.attempts == 10)
  }

  @Test("jitter spreads evenly")
  func jitter() {
    let policy = QueuePolicy(retry: [1000], lifetime: 1)
    var generator = SeededGenerator(seed: 1)
    let delays = (0..<4000).map { _ in policy.delay(afterAttempt: 1, jitter: generator.next()) }
    #expect(delays.min() == 800 && delays.max() == 1200)
    #expect(abs(delays.reduce(0, +) / 4000 - 1000) < 10)
  }

  @Test(
    "a deferral after the lifetime is a failure with 4.4.7; standstill of the upstream does not count",
    arguments: [
      (5 * day, 0, false), (5 * day + 1, 0, true), (5 * day + 1, 1, false), (8 * day, 3 * day, false),
      (8 * day + 1, 3 * day, true),
    ] as [(Int64, Int64, Bool)])
  func expiry(age: Int64, standstill: Int64, isExpired: Bool) throws {
    let bench = try QueueBench()
    bench.queue.extendLifetimes(by: 30 * day)
    let id = bench.take("x")
    if standstill > 0 { bench.queue.extendLifetimes(by: standstill) }
    bench.pass(age)
    bench.deliver(.deferred)
    bench.queue.log.step()
    for bench in [bench, try bench.restarted()] {
      let view = try #require(bench.queue.view(id))
      #expect(view.state == (isExpired ? .failed : .deferred))
      #expect(view.expires == QueueBench.start.wall + 5 * day + standstill)
      let reply = try #require(try bench.queue.details(id)?.replies.first?.reply)
      #expect(reply.status == (isExpired ? EnhancedStatus(4, 4, 7) : EnhancedStatus(4, 3, 0)))
    }
  }

  @Test("nothing expires by age alone: only an attempt that failed for now ends a message")
  func noSilentExpiry() throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    bench.pass(100 * day)
    #expect(bench.deliver() == id)
  }

  @Test(
    "the wall clock may jump while the program runs, or between two runs, and neither expires nor wakes the queue",
    arguments: [-365 * day, -day, day, 365 * day])
  func clockJumps(jump: Int64) throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    bench.deliver(.deferred)
    bench.now.wall += jump
    #expect(bench.deliver() == nil)
    bench.pass(2 * minute)
    #expect(bench.deliver(.deferred) == id)
    #expect(bench.queue.view(id)?.state == .deferred)
    bench.queue.log.step()
    for jump in [jump, -jump] {
      let next = try bench.restarted(wallJump: jump)
      let due = next.queue.nextDue(now: next.now) ?? next.now.monotonic
      #expect(due - next.now.monotonic <= 4 * hour * 12 / 10)
      next.pass(max(0, due - next.now.monotonic))
      #expect(next.deliver(.deferred) == id)
      #expect(next.queue.view(id)?.state == .deferred, "not expired")
    }
  }

  @Test("after a restart the next attempt keeps its time")
  func retryAfterRestart() throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    for _ in 0..<3 {
      bench.deliver(.deferred)
      bench.pass(20 * minute)
    }
    bench.deliver(.deferred)
    bench.queue.log.step()
    let due = try #require(bench.queue.view(id)?.nextAttempt)
    let next = try bench.restarted(after: 10 * minute)
    #expect(next.queue.view(id)?.nextAttempt == due)
    #expect(next.deliver() == nil)
    next.pass(due - next.now.wall)
    #expect(next.deliver() == id)
    let late = try bench.restarted(after: 10 * hour)
    #expect(late.queue.view(id)?.state == .queued)
  }

  @Test("submitters take turns, each one's mail by age")
  func roundRobin() throws {
    let bench = try QueueBench()
    let news = (0..<5).map { bench.take("n\($0)", login: "news") }
    let alice = bench.take("a0", login: "alice")
    let bob = (0..<2).map { bench.take("b\($0)", login: "bob") }
    let order = (0..<8).map { _ in bench.deliver()! }
    #expect(order == [news[0], alice, bob[0], news[1], bob[1], news[2], news[3], news[4]])
    #expect(bench.deliver() == nil)
    // Deferred mail comes back by age, not by when its turn came.
    let old = bench.take("old", login: "news")
    bench.deliver(.deferred)
    _ = bench.take("new", login: "news")
    bench.pass(2 * minute)
    #expect(bench.deliver() == old)
  }

  @Test("flush makes deferred mail ready now, and that survives a restart")
  func flush() throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    let other = bench.take("y")
    bench.deliver(.deferred)
    bench.deliver(.deferred)
    #expect(bench.queue.flush([id, MessageID(number: 99)], now: bench.now) == 1)
    bench.queue.log.step()
    let next = try bench.restarted()
    for bench in [bench, next] {
      #expect(bench.deliver() == id)
      #expect(bench.deliver() == nil)
      #expect(bench.queue.view(other)?.state == .deferred)
    }
  }

  @Test("the summary counts every message once, by state")
  func summary() throws {
    let bench = try QueueBench()
    #expect(bench.queue.summary(now: bench.now) == QueueSummary())
    for number in 0..<10 {
      bench.take(String(repeating: "x", count: number))
      bench.pass(1)
    }
    bench.deliver()
    bench.deliver(.failed)
    bench.deliver(.deferred)
    bench.deliver(.deferred)
    let lease = bench.queue.lease(now: bench.now)
    var expected = QueueSummary()
    (expected.queued, expected.sending, expected.deferred, expected.failed) = (5, 1, 2, 1)
    expected.octets = 45
    expected.oldest = QueueBench.start.wall + 1
    #expect(bench.queue.summary(now: bench.now) == expected)
    _ = consume lease
    bench.pass(2 * minute)
    (expected.queued, expected.sending, expected.deferred) = (8, 0, 0)
    #expect(bench.queue.summary(now: bench.now) == expected)
  }

  @Test("pages walk all messages in the order of acceptance, finished ones left out; prefixes find ids")
  func pages() throws {
    let bench = try QueueBench()
    let ids = (0..<1500).map { bench.submit([Array("\($0)".utf8)])!.id }
    bench.queue.log.step()
    for _ in 0..<1000 { bench.deliver() }
    var seen: [MessageID] = []
    while true {
      let page = bench.queue.page(after: seen.last, limit: 70)
      if page.isEmpty { break }
      #expect(page.count <= 70)
      seen += page.map(\.id)
    }
    #expect(seen == Array(ids[1000...]))
    let id = ids[1234]
    #expect(bench.queue.find(prefix: id.description.lowercased()) == [id])
    #expect(bench.queue.find(prefix: String(id.description.prefix(5))).contains(id))
    #expect(bench.queue.find(prefix: ids[3].description).isEmpty)
    #expect(bench.queue.find(prefix: "!").isEmpty)
  }
}
