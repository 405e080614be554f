// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import TestKit
import Testing
import WAL

@Suite("A message that an admin holds waits, however it came there, and goes on as it was")
struct HoldTests {
  private let alice = PeerText("alice")

  @Test("held from queued, deferred and while sending, released to what it was, now and after a restart")
  func holdAndRelease() throws {
    let bench = try QueueBench()
    let deferred = bench.take("deferred")
    bench.deliver(.deferred)
    let due = try #require(bench.queue.view(deferred)?.nextAttempt)
    let queued = bench.take("queued")
    let ids = [queued, deferred, MessageID(number: 999)]
    #expect(bench.queue.hold(ids, until: nil, by: alice, reason: PeerText("typo?"), now: bench.now) == 2)
    #expect(bench.deliver() == nil && bench.queue.readyCount(now: bench.now) == 0)
    #expect(bench.queue.flush(ids, now: bench.now) == 0, "flush leaves held mail alone")
    bench.queue.log.step()
    for bench in [bench, try bench.restarted()] {
      for id in ids.prefix(2) {
        let view = try #require(bench.queue.view(id))
        let hold = Hold(until: nil, since: QueueBench.start.wall, by: alice, reason: PeerText("typo?"))
        #expect(view.state == .held && view.hold == hold && view.nextAttempt == nil)
      }
      #expect(bench.queue.summary(now: bench.now).held == 2)
      #expect(bench.queue.release(ids, now: bench.now) == 2 && bench.queue.release(ids, now: bench.now) == 0)
      #expect(bench.queue.view(queued)?.state == .queued && bench.queue.view(queued)?.hold == nil)
      #expect(bench.queue.view(deferred)?.state == .deferred && bench.queue.view(deferred)?.nextAttempt == due)
      #expect(bench.deliver() == queued && bench.deliver() == nil)
    }
  }

  @Test(
    "what is being sent finishes its attempt, and what is left of it is held then",
    arguments: [(nil, .held), (.deferred, .held), (.delivered, nil), (.failed, .failed)]
      as [(RecipientOutcome.Result?, MessageState?)])
  func whileSending(result: RecipientOutcome.Result?, expected: MessageState?) throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    let lease = try bench.lease()
    #expect(bench.queue.hold([id], until: nil, by: alice, now: bench.now) == 1)
    #expect(bench.queue.view(id)?.state == .sending && bench.queue.view(id)?.hold?.by == alice)
    if let result {
      bench.queue.record(
        [RecipientOutcome(index: 0, result: result, reply: bench.reply(result))], of: lease, now: bench.now, jitter: 0)
    } else {
      bench.queue.release(lease)
    }
    bench.pass(hour)
    #expect(bench.queue.view(id)?.state == expected && bench.deliver() == nil)
    bench.queue.log.step()
    for bench in [bench, try bench.restarted()] {
      #expect(bench.queue.view(id)?.state == expected && bench.deliver() == nil)
      let isHeld = expected == .held
      #expect((bench.queue.view(id)?.hold != nil) == isHeld, "nothing is left of a hold that has nothing to hold")
      #expect(bench.queue.release([id], now: bench.now) == (isHeld ? 1 : 0))
      #expect(bench.deliver() == (isHeld ? id : nil))
    }
  }

  @Test("a hold with a time ends by itself, whether the program ran all the time or not", arguments: [false, true])
  func timeLimit(isDeferred: Bool) throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    if isDeferred { bench.deliver(.deferred) }
    let until = bench.now.wall + 2 * hour
    #expect(bench.queue.hold([id], until: until, by: alice, now: bench.now) == 1)
    #expect(bench.queue.view(id)?.hold?.until == until)
    bench.queue.log.step()
    for pause in [0, hour, 3 * hour] {
      let next = try bench.restarted(after: pause)
      #expect(next.queue.view(id)?.hold?.until == max(until, next.now.wall))
      let rest = max(0, until - next.now.wall)
      if rest > 0 {
        // It may be asked for early, as a deferral would have been.
        #expect(try #require(next.queue.nextDue(now: next.now)) <= next.now.monotonic + rest)
        next.pass(rest - 1)
        #expect(next.deliver() == nil)
        #expect(next.queue.nextDue(now: next.now) == next.now.monotonic + 1)
        next.pass(1)
      }
      if pause > 2 * hour {
        #expect(next.deliver() == nil, "the clock may be ahead")
        next.pass(15 * minute)
      }
      #expect(next.deliver(.deferred) == id && next.queue.view(id)?.hold == nil)
      next.queue.log.step()
      #expect(try next.restarted().queue.view(id)?.hold == nil, "the end is in the log")
    }
  }

  @Test(
    "while the program runs the clock may jump; over a restart the wall clock tells, but no hold becomes longer",
    arguments: [-365 * day, -day, day, 365 * day])
  func clockJumps(jump: Int64) throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    _ = bench.queue.hold([id], until: bench.now.wall + 2 * hour, by: alice, now: bench.now)
    bench.queue.log.step()
    let next = try bench.restarted(wallJump: jump)
    bench.now.wall += jump
    bench.pass(2 * hour - 1)
    #expect(bench.deliver() == nil)
    #expect(bench.queue.view(id)?.hold?.until == bench.now.wall + 1)
    bench.pass(1)
    #expect(bench.deliver() == id)
    next.pass((jump < 0 ? 2 * hour : 15 * minute) - 1)
    #expect(next.deliver() == nil)
    next.pass(1)
    #expect(next.deliver(.deferred) == id && next.queue.view(id)?.state == .deferred, "nor does it expire")
  }

  @Test(
    "a clock that is wrong at a start, and set right within a quarter of an hour, neither ends nor lengthens a hold",
    arguments: [-365 * day, day, 365 * day])
  func clockSetAfterStart(jump: Int64) throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    let until = bench.now.wall + 2 * hour
    _ = bench.queue.hold([id], until: until, by: alice, now: bench.now)
    bench.queue.log.step()
    let next = try bench.restarted(after: 30 * minute, wallJump: jump)
    next.pass(15 * minute - 1)
    #expect(next.deliver() == nil)
    next.now.wall -= jump
    next.pass(1)
    #expect(next.deliver() == nil && next.queue.view(id)?.hold?.until == until)
    #expect(next.queue.nextDue(now: next.now) == next.now.monotonic + 75 * minute)
    next.pass(75 * minute - 1)
    #expect(next.deliver() == nil)
    next.pass(1)
    #expect(next.deliver() == id)
  }

  @Test("a short hold that is over at a start does not become longer than it was ordered")
  func shortHold() throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    _ = bench.queue.hold([id], until: bench.now.wall + minute, by: alice, now: bench.now)
    bench.queue.log.step()
    let next = try bench.restarted(after: hour)
    next.pass(minute - 1)
    #expect(next.deliver() == nil)
    next.pass(1)
    #expect(next.deliver() == id)
  }

  @Test("the lifetime stands still during a hold, and is not counted twice if the upstream pauses meanwhile")
  func lifetime() throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    func expires(_ bench: QueueBench) -> Int64? { bench.queue.view(id).map { $0.expires - QueueBench.start.wall } }
    bench.pass(4 * day)
    _ = bench.queue.hold([id], until: nil, by: alice, now: bench.now)
    bench.pass(10 * day)
    _ = bench.queue.hold([id], until: nil, by: PeerText("bob"), reason: PeerText("still"), now: bench.now)
    let second = Hold(since: QueueBench.start.wall + 4 * day, by: PeerText("bob"), reason: PeerText("still"))
    #expect(bench.queue.view(id)?.hold == second, "held since the first order, by the last")
    #expect(expires(bench) == 15 * day)
    bench.queue.extendLifetimes(by: 3 * day)
    bench.pass(10 * day)
    #expect(bench.queue.readyCount(now: bench.now) == 0 && expires(bench) == 25 * day)
    #expect(bench.queue.release([id], now: bench.now) == 1)
    bench.pass(day)
    #expect(expires(bench) == 25 * day)
    #expect(bench.deliver(.deferred) == id && bench.queue.view(id)?.state == .deferred, "five days old, to the day")
    bench.pass(day)
    #expect(bench.deliver(.deferred) == id && bench.queue.view(id)?.state == .failed)
  }

  @Test("however often a message is held and released, it is given out once")
  func manyOrders() throws {
    let bench = try QueueBench()
    let ids = [bench.take("x"), bench.take("y", login: "bob")]
    for _ in 0..<100 {
      #expect(bench.queue.hold(ids, until: bench.now.wall + hour, by: alice, now: bench.now) == 2)
      #expect(bench.queue.release(ids, now: bench.now) == 2)
    }
    let calls = bench.readyCalls.count
    #expect(bench.queue.release(ids, now: bench.now) == 0 && bench.readyCalls.count == calls)
    #expect([bench.deliver(.deferred), bench.deliver(.deferred), bench.deliver()] == [ids[0], ids[1], nil])
    bench.pass(2 * hour)
    #expect([bench.deliver(), bench.deliver(), bench.deliver()] == [ids[0], ids[1], nil])
  }

  @Test("an order for more messages than a page reaches all of them")
  func pages() throws {
    let bench = try QueueBench()
    let ids = (0..<1100).map { bench.submit([Array("\($0)".utf8)])!.id }
    bench.queue.log.step()
    #expect(bench.queue.hold(ids, until: nil, by: alice, now: bench.now) == 1100)
    #expect(bench.queue.summary(now: bench.now).held == 1100)
    #expect(bench.queue.release(Array(ids.dropLast()), now: bench.now) == 1099)
    let reply = Reply(550, EnhancedStatus(5, 7, 0), "no")
    #expect(bench.queue.bounce(ids, reply: reply, report: false, now: bench.now) == 1100)
    bench.queue.log.step()
    #expect(try bench.all.isEmpty && bench.restarted().all.isEmpty)
  }
}
