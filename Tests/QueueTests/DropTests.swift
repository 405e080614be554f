// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import TestKit
import Testing
import WAL

@Suite("A message that an admin drops is out of the queue, comes back as it was, and is erased when its time is over")
struct DropTests {
  private let alice = PeerText("alice")

  @Test("dropped from queued, deferred, held and failed, put back to what it was, now and after a restart")
  func dropAndUndrop() throws {
    let bench = try QueueBench()
    let failed = bench.take("failed")
    bench.deliver(.failed)
    let deferred = bench.take("deferred")
    bench.deliver(.deferred)
    let held = bench.take("held")
    _ = bench.queue.hold([held], until: nil, by: alice, now: bench.now)
    let queued = bench.take("queued")
    let ids = [failed, deferred, held, queued]
    let before = bench.all
    let summary = bench.queue.summary(now: bench.now)
    let dropped = bench.queue.drop(ids + [MessageID(number: 999)], keep: day, by: alice, now: bench.now)
    #expect(dropped?.count == 4 && dropped?.batch == 1)
    #expect(bench.queue.drop(ids, keep: day, by: alice, now: bench.now) == nil, "they are dropped already")
    bench.queue.log.step()
    for bench in [bench, try bench.restarted()] {
      let drop = Drop(batch: 1, until: QueueBench.start.wall + day, since: QueueBench.start.wall, by: alice)
      for id in ids {
        let view = try #require(bench.queue.view(id))
        #expect(view.state == .dropped && view.drop == drop && view.nextAttempt == nil)
      }
      #expect(bench.deliver() == nil && !bench.hasNotice && bench.queue.readyCount(now: bench.now) == 0)
      let counted = bench.queue.summary(now: bench.now)
      #expect(counted.dropped == 4 && counted.messages == 0 && counted.octets == 0 && counted.oldest == nil)
      #expect(counted.droppedOctets == summary.octets)
      let no = Reply(550, EnhancedStatus(5, 7, 0), "no")
      #expect(bench.queue.flush(ids, now: bench.now) == 0)
      #expect(bench.queue.hold(ids, until: nil, by: alice, now: bench.now) == 0)
      #expect(bench.queue.release(ids, now: bench.now) == 0)
      #expect(bench.queue.bounce(ids, reply: no, report: true, now: bench.now) == 0, "no other order reaches them")
      #expect(bench.queue.droppedBatches == [1] && bench.queue.dropped(in: 1) == ids)
      let notices = bench.noticeCalls.count
      #expect(bench.queue.undrop(batch: 2, now: bench.now) == 0)
      #expect(bench.queue.undrop(batch: 1, now: bench.now) == 4 && bench.queue.undrop(batch: 1, now: bench.now) == 0)
      #expect(bench.all == before && bench.queue.summary(now: bench.now) == summary)
      #expect(bench.noticeCalls.count == notices + 1, "somebody is to be told again")
      #expect(try bench.notice().id == failed)
      #expect(bench.deliver() == queued && bench.deliver() == nil)
    }
  }

  @Test(
    "what is being sent finishes its attempt, and what is left of it is dropped then",
    arguments: [nil, .deferred, .delivered, .failed] as [RecipientOutcome.Result?])
  func whileSending(result: RecipientOutcome.Result?) throws {
    let bench = try QueueBench()
    let id = bench.take("x", to: ["bob@example.org", "carol@example.org"])
    let lease = try bench.lease()
    #expect(bench.queue.drop([id], keep: day, by: alice, now: bench.now)?.count == 1)
    #expect(bench.queue.view(id)?.state == .sending && bench.queue.view(id)?.drop?.by == alice)
    #expect(bench.queue.erase([id], now: bench.now) == 0, "nothing is erased under the hands of a sender")
    if let result {
      let outcomes = (0..<2).map { index in
        let result = index == 0 ? .delivered : result
        return RecipientOutcome(index: index, result: result, reply: bench.reply(result))
      }
      bench.queue.record(outcomes, of: lease, now: bench.now, jitter: 0)
    } else {
      bench.queue.release(lease)
    }
    bench.pass(hour)
    bench.queue.log.step()
    for bench in [bench, try bench.restarted()] {
      #expect(bench.deliver() == nil && !bench.hasNotice)
      guard result != .delivered else {
        #expect(bench.all.isEmpty && bench.queue.droppedBatches.isEmpty)
        continue
      }
      let view = try #require(bench.queue.view(id))
      #expect(view.state == .dropped && (view.recipients[0].state == .delivered) == (result != nil))
      #expect(bench.queue.undrop(batch: 1, now: bench.now) == 1)
      #expect(bench.hasNotice == (result == .failed))
      #expect(bench.deliver() == (result == .failed ? nil : id))
    }
  }

  @Test("a notice that was given already is not told, and a sender is told once when the message is back")
  func givenNotice() throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    bench.deliver(.failed)
    bench.queue.log.step()
    let given = try bench.notice()
    #expect(bench.queue.drop([id], keep: day, by: alice, now: bench.now)?.count == 1)
    let told = bench.tell(given)
    bench.queue.log.step()
    #expect(bench.queue.view(told.id) == nil && bench.queue.view(id)?.state == .dropped)
    #expect(bench.queue.undrop(batch: 1, now: bench.now) == 1)
    let again = bench.tell(try bench.notice())
    bench.queue.log.step()
    #expect(bench.queue.view(again.id) != nil && bench.queue.view(id) == nil && !bench.hasNotice)
  }

  @Test("the time ends by itself and gives back the disk; of a time without the program it counts ten minutes")
  func timeLimit() throws {
    let bench = try QueueBench(policy: QueuePolicy(segmentOctets: 128 << 10))
    let filler = [UInt8](repeating: 1, count: 60_000)
    var ids: [MessageID] = []
    for _ in 0..<6 {
      ids.append(bench.submit([filler, [1]])!.id)
      bench.queue.log.step()
    }
    let segments = bench.queue.log.segments.count
    #expect(bench.queue.drop(ids, keep: 2 * hour, by: alice, now: bench.now)?.count == 6)
    bench.queue.log.step()
    for pause in [0, 10 * minute, hour, 3 * hour] {
      let next = try bench.restarted(after: pause, policy: QueuePolicy(segmentOctets: 128 << 10))
      let rest = 2 * hour - min(pause, 10 * minute)
      #expect(next.queue.view(ids[0])?.drop?.until == next.now.wall + rest)
      #expect(try #require(next.queue.nextDue(now: next.now)) <= next.now.monotonic + rest)
      next.pass(rest - 1)
      #expect(next.queue.summary(now: next.now).dropped == 6)
      #expect(next.queue.nextDue(now: next.now) == next.now.monotonic + 1)
      next.pass(1)
      #expect(next.queue.readyCount(now: next.now) == 0 && next.all.isEmpty)
      #expect(next.queue.undrop(batch: 1, now: next.now) == 0)
      #expect(next.queue.log.segments.count >= segments, "segments stay until the end is durable")
      for _ in 0..<4 { next.queue.log.step() }
      next.take("more")
      #expect(next.queue.log.segments.count <= 2)
      let after = try next.restarted()
      #expect(after.all.count == 1 && after.report.damages.isEmpty, "the end is in the log")
    }
  }

  @Test(
    "while the program runs the clock may jump; a jump over a restart counts ten minutes, and backwards nothing",
    arguments: [-365 * day, -day, day, 365 * day])
  func clockJumps(jump: Int64) throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    _ = bench.queue.drop([id], keep: 2 * hour, by: alice, now: bench.now)
    bench.queue.log.step()
    let next = try bench.restarted(wallJump: jump)
    bench.now.wall += jump
    bench.pass(2 * hour - 1)
    #expect(bench.queue.summary(now: bench.now).dropped == 1)
    #expect(bench.queue.view(id)?.drop?.until == bench.now.wall + 1)
    bench.pass(1)
    #expect(bench.queue.summary(now: bench.now).dropped == 0)
    next.pass(2 * hour - (jump < 0 ? 0 : 10 * minute) - 1)
    #expect(next.queue.summary(now: next.now).dropped == 1)
    next.pass(1)
    #expect(next.queue.summary(now: next.now).dropped == 0 && next.all.isEmpty)
  }

  @Test(
    "a clock that is a year ahead at a start, and is set right later, takes minutes of the time to undo",
    arguments: [false, true])
  func clockAheadAtStart(isMoved: Bool) throws {
    var bench = try QueueBench(policy: CompactionTests.policy)
    let id = bench.take("x")
    _ = bench.queue.drop([id], keep: day, by: alice, now: bench.now)
    bench.queue.log.step()
    // Three starts with a wrong clock, each of them in use for an hour before and after the clock is set.
    for _ in 0..<3 {
      bench = try bench.restarted(wallJump: 365 * day, policy: CompactionTests.policy)
      bench.live(hour)
      if isMoved {
        CompactionTests.pass(3, on: bench)
        try bench.compact()
      }
      bench.now.wall -= 365 * day
      bench.live(hour)
      #expect(bench.queue.view(id)?.state == .dropped)
    }
    bench = try bench.restarted(policy: CompactionTests.policy)
    let left = try #require(bench.queue.view(id)?.drop?.until) - bench.now.wall
    #expect(left >= day - 6 * hour - 3 * 10 * minute, "no more than ten minutes for each jump")
    #expect(left <= day - 6 * hour + 3 * 10 * minute, "and what was seen to pass counts")
    bench.live(left)
    #expect(bench.all.allSatisfy { $0.id != id } && bench.queue.undrop(batch: 1, now: bench.now) == 0)
  }

  @Test("copies that bear an earlier time than the records around them do not make that time count twice")
  func earlierCopies() throws {
    let bench = try QueueBench(policy: QueuePolicy(segmentOctets: 256 << 10))
    var others: [MessageID] = []
    for _ in 0..<3 {
      others.append(bench.take("other"))
      CompactionTests.pass(2, on: bench)
    }
    let id = bench.take("x")
    _ = bench.queue.drop([id], keep: day, by: alice, now: bench.now)
    bench.settle()
    let began = bench.now
    bench.pass(8 * minute)
    var isHeld = false
    repeat {
      isHeld.toggle()
      _ =
        isHeld
        ? bench.queue.hold([others[0]], until: nil, by: alice, now: bench.now)
        : bench.queue.release([others[0]], now: bench.now)
      bench.settle()
    } while try bench.queue.compact(now: began) == .underWay
    #expect(bench.queue.log.segments.first! > 1, "something was copied")
    _ = bench.queue.release([others[0]], now: bench.now)
    bench.settle()
    let next = try bench.restarted()
    #expect(try #require(next.queue.view(id)?.drop?.until) - next.now.wall >= day - 8 * minute)
  }

  @Test("a gateway that is restarted twice a day and has nothing else to do erases in the end")
  func quietRestarts() throws {
    var bench = try QueueBench()
    let id = bench.take("x")
    _ = bench.queue.drop([id], keep: day, by: alice, now: bench.now)
    bench.queue.log.step()
    for run in 0..<3 {
      #expect(bench.queue.view(id) != nil, "run \(run)")
      bench.live(10 * hour)
      bench = try bench.restarted(after: 2 * hour)
    }
    #expect(bench.queue.view(id) == nil)
    #expect(bench.queue.nextDue(now: bench.now) == nil, "and then nobody writes down what time it is")
  }

  @Test("the lifetime stands still, counted once if the message was held or the upstream paused meanwhile")
  func lifetime() throws {
    let bench = try QueueBench()
    let ids = [bench.take("plain"), bench.take("held")]
    bench.pass(day)
    _ = bench.queue.hold([ids[1]], until: nil, by: alice, now: bench.now)
    bench.pass(day)
    _ = bench.queue.drop(ids, keep: 30 * day, by: alice, now: bench.now)
    bench.pass(5 * day)
    bench.queue.extendLifetimes(by: 3 * day)
    bench.pass(5 * day)
    func life(_ id: MessageID) -> Int64? {
      _ = bench.queue.readyCount(now: bench.now)
      return bench.queue.view(id).map { $0.expires - QueueBench.start.wall }
    }
    #expect(life(ids[0]) == 15 * day && life(ids[1]) == 16 * day)
    #expect(bench.queue.undrop(batch: 1, now: bench.now) == 2)
    bench.pass(day)
    #expect(life(ids[0]) == 15 * day && life(ids[1]) == 17 * day, "the hold goes on")
    #expect(bench.queue.release([ids[1]], now: bench.now) == 1)
    bench.pass(day)
    #expect(life(ids[0]) == 15 * day && life(ids[1]) == 17 * day)
  }

  @Test("a hold whose time came meanwhile is over when the message is back")
  func timedHold() throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    _ = bench.queue.hold([id], until: bench.now.wall + hour, by: alice, now: bench.now)
    _ = bench.queue.drop([id], keep: day, by: alice, now: bench.now)
    bench.pass(2 * hour)
    #expect(bench.deliver() == nil && bench.queue.view(id)?.state == .dropped)
    #expect(bench.queue.undrop(batch: 1, now: bench.now) == 1)
    #expect(bench.deliver() == id)
  }

  @Test("erased is gone for good, in whatever state it was; nobody is told, and a given notice comes to nothing")
  func erase() throws {
    let bench = try QueueBench()
    let failed = bench.take("failed")
    bench.deliver(.failed)
    bench.queue.log.step()
    let deferred = bench.take("deferred")
    bench.deliver(.deferred)
    let dropped = bench.take("dropped")
    _ = bench.queue.drop([dropped], keep: day, by: alice, now: bench.now)
    let kept = bench.take("kept")
    let given = try bench.notice()
    #expect(bench.queue.erase([failed, deferred, dropped, MessageID(number: 999)], now: bench.now) == 3)
    let told = bench.tell(given)
    bench.queue.log.step()
    for bench in [bench, try bench.restarted()] {
      #expect(bench.all.map(\.id) == [kept] && bench.queue.view(told.id) == nil)
      #expect(bench.queue.undrop(batch: 1, now: bench.now) == 0 && !bench.hasNotice)
      #expect(bench.queue.summary(now: bench.now).messages == 1)
    }
  }

  @Test("batches have numbers of their own, across restarts, and one order for many messages is one batch")
  func batches() throws {
    let bench = try QueueBench()
    let ids = (0..<1100).map { bench.submit([Array("\($0)".utf8)])!.id }
    bench.queue.log.step()
    let rest = Array(ids.dropFirst())
    #expect(bench.queue.drop([ids[0]], keep: day, by: alice, now: bench.now)?.batch == 1)
    #expect(bench.queue.drop(rest, keep: day, by: alice, now: bench.now).map { $0 == (2, 1099) } == true)
    bench.queue.log.step()
    let next = try bench.restarted()
    #expect(next.queue.droppedBatches == [1, 2] && next.queue.undrop(batch: 2, now: next.now) == 1099)
    #expect(next.queue.erase(ids, now: next.now) == 1100)
    next.queue.log.step()
    let last = try next.restarted()
    let id = last.take("x")
    #expect(last.queue.drop([id], keep: day, by: alice, now: last.now)?.batch == 3)
  }

  @Test("damaged mail can be dropped, comes back damaged, and goes when it is erased")
  func damaged() throws {
    let bench = try QueueBench()
    let (id, _) = bench.submit([Array("chunk".utf8), Array("end".utf8)])!
    bench.queue.log.step()
    bench.simulatedDisk.flip("00000001.wal", offset: 4096 + 40, bit: 0)
    let next = try bench.restarted()
    #expect(next.queue.drop([id], keep: day, by: alice, now: next.now)?.count == 1)
    next.queue.log.step()
    let last = try next.restarted()
    #expect(last.queue.view(id)?.state == .dropped && last.deliver() == nil)
    #expect(last.queue.undrop(batch: 1, now: last.now) == 1 && last.queue.view(id)?.state == .quarantined)
    #expect(last.queue.erase([id], now: last.now) == 1 && last.all.isEmpty)
    last.queue.log.step()
    #expect(try last.restarted().report.quarantined.isEmpty)
  }
}
