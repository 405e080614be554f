// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Queue
import SMTP
import TestKit
import Testing
import WAL

@Suite("Compaction: stragglers are copied forward, and nothing is lost, changed or brought back by it")
struct CompactionTests {
  static let policy = QueuePolicy(lifetime: 10 * hour, warnAfter: 2 * hour, segmentOctets: 64 << 10)

  private static let filler = String(repeating: "x", count: 20_000)

  /// Mail that comes and goes, until this many segments have been begun.
  static func pass(_ segments: UInt32, on bench: QueueBench) {
    let goal = bench.queue.log.use.current + segments
    while bench.queue.log.use.current < goal {
      bench.take(filler, to: ["filler@x.example"], login: "filler")
      var others: [Holder] = []
      while let lease = bench.queue.lease(now: bench.now) {
        if lease.envelope.recipients[0].text == "filler@x.example" {
          let delivered = RecipientOutcome(index: 0, result: .delivered, reply: bench.reply(.delivered))
          bench.queue.record([delivered], of: lease, now: bench.now, jitter: 0)
        } else {
          others.append(Holder(lease))
        }
      }
      others = []
      bench.settle()
    }
  }

  private final class Holder {
    let lease: Lease
    init(_ lease: consuming Lease) { self.lease = lease }
  }

  /// Messages in every state that lasts, with and without chunks; the ids of all.
  static func stragglers(_ bench: QueueBench) throws -> [MessageID] {
    let chunks = [Array("chunk one".utf8), Array("chunk two".utf8), Array("end".utf8)]
    let (warned, _) = bench.submit(chunks, to: ["a@x.example", "b@x.example"], prefix: Array("P: 1\r\n".utf8))!
    bench.queue.log.step()
    bench.pass(3 * hour)
    let lease = try bench.lease()
    bench.queue.record(
      [
        RecipientOutcome(index: 0, result: .deferred, reply: bench.reply(.deferred), isUncertain: true),
        RecipientOutcome(index: 1, result: .failed, reply: bench.reply(.failed)),
      ], of: lease, now: bench.now, jitter: 0)
    bench.settle()
    while let notice = try bench.queue.nextNotice(now: bench.now) { _ = bench.tell(notice, saying: "told") }
    bench.settle()
    for view in bench.all where view.sender == nil {
      _ = bench.queue.bounce(
        [view.id], reply: bench.reply(.failed), report: false, now: bench.now)
    }
    let failed = bench.take("failed", to: ["c@x.example", "d@x.example"])
    _ = bench.queue.bounce(
      [failed], reply: Reply(550, EnhancedStatus(5, 7, 0), "given up"), report: true, now: bench.now)
    let held = bench.take("held", to: ["e@x.example"])
    _ = bench.queue.hold(
      [held], until: bench.now.wall + 5 * hour, by: PeerText("root"), reason: PeerText("why"), now: bench.now)
    let released = bench.take("held for a while", to: ["f@x.example"])
    _ = bench.queue.hold([released], until: nil, by: PeerText("root"), now: bench.now)
    bench.pass(hour)
    bench.queue.extendLifetimes(by: 10 * minute)
    _ = bench.queue.release([released], now: bench.now)
    let null = bench.submit([Array("null path".utf8)], from: nil, to: ["g@x.example"])!.id
    bench.settle()
    _ = bench.queue.hold([released, null], until: nil, by: PeerText("nobody"), now: bench.now)
    bench.settle()
    let dropped = bench.take("dropped", to: ["h@x.example"])
    _ = bench.queue.hold([dropped], until: nil, by: PeerText("root"), now: bench.now)
    bench.pass(minute)
    _ = bench.queue.drop([dropped], keep: day, by: PeerText("root"), now: bench.now)
    bench.settle()
    let wish = NotificationWish(
      returned: .header, envelopeID: "QQ314159",
      recipients: [.init(events: .success, original: "rfc822;i@y.example"), .init(events: [])])
    let wished = bench.submit(
      [Array("wished".utf8)], from: "j\u{fc}rgen@x.example", to: ["i@x.example", "j@x.example"], isUTF8: true,
      notification: wish)!.id
    bench.settle()
    var others: [Holder] = []
    while let lease = bench.queue.lease(now: bench.now) {
      guard lease.id == wished else {
        others.append(Holder(lease))
        continue
      }
      let relayed = RecipientOutcome(index: 0, result: .relayed, reply: bench.reply(.relayed))
      bench.queue.record([relayed], of: lease, now: bench.now, jitter: 0)
      break
    }
    others = []
    _ = bench.queue.hold([wished], until: nil, by: PeerText("root"), now: bench.now)
    bench.settle()
    return [warned, failed, held, released, null, dropped, wished]
  }

  @Test("messages in every state are the same after their segment has gone, and after a restart")
  func everyState() throws {
    let bench = try QueueBench(policy: Self.policy)
    let ids = try Self.stragglers(bench)
    Self.pass(6, on: bench)
    let before = try Picture(bench)
    #expect(before.views.map(\.id) == ids)
    #expect(bench.queue.log.segments.first == 1, "a straggler keeps the head")
    #expect(bench.compactionCalls.count > 0)
    #expect(try bench.compact() == .idle)
    #expect(bench.queue.log.segments.first! > 4)
    #expect(try Picture(bench) == before)
    let next = try bench.restarted(policy: Self.policy)
    #expect(next.report.damages.isEmpty)
    #expect(try Picture(next) == before)
    // Once more, from the copies.
    Self.pass(6, on: next)
    #expect(try next.compact() == .idle)
    #expect(try Picture(next) == before)
    #expect(try Picture(next.restarted(policy: Self.policy)) == before)
    // Their time goes on as if they had not moved: the hold ends when it was ordered to, lifetimes when they would.
    for bench in [bench, next] {
      bench.pass(5 * hour)
      _ = bench.queue.readyCount(now: bench.now)
      #expect(bench.queue.view(ids[2])?.hold == nil)
      _ = bench.queue.release(ids, now: bench.now)
      while bench.deliver() != nil {}
      bench.settle()
      #expect(
        bench.all.map(\.id) == [ids[1], ids[5], ids[6]],
        "only what somebody is to be told of waits for that, and what is dropped")
      #expect(bench.queue.undrop(batch: 1, now: bench.now) == 1 && bench.queue.view(ids[5])?.state == .held)
    }
  }

  @Test("the warning of a delay is not given again by a copy, and lifetimes end when they would have")
  func lifetimes() throws {
    let bench = try QueueBench(policy: Self.policy)
    let id = bench.take("late", to: ["a@x.example"])
    bench.pass(3 * hour)
    bench.deliver(.deferred)
    bench.settle()
    _ = bench.tell(try bench.notice())
    bench.settle()
    Self.pass(5, on: bench)
    try bench.compact()
    let next = try bench.restarted(policy: Self.policy)
    #expect(next.queue.log.segments.first! > 3)
    next.pass(6 * hour)
    while next.deliver(.deferred) != nil {}
    next.settle()
    #expect(!next.hasNotice && next.queue.view(id)?.state == .deferred)
    next.pass(2 * hour)
    while next.deliver(.deferred) != nil {}
    next.settle()
    #expect(next.queue.view(id)?.state == .failed, "ten hours are over")
  }

  @Test("a message that is being sent waits; one that is leased while its copy is on the way is read where it was")
  func leased() throws {
    let bench = try QueueBench(policy: Self.policy)
    let (id, _) = bench.submit([Array("one".utf8), Array("two".utf8), Array("three".utf8)], to: ["a@x.example"])!
    bench.queue.log.step()
    let lease = try bench.lease()
    Self.pass(4, on: bench)
    #expect(try bench.compact() == .blocked)
    #expect(bench.queue.log.segments.first == 1)
    bench.queue.release(lease)
    #expect(try bench.queue.compact(now: bench.now) == .underWay, "its chunks")
    bench.settle()
    #expect(try bench.queue.compact(now: bench.now) == .underWay, "its record")
    let again = try bench.lease()
    #expect(again.id == id)
    bench.settle()
    for _ in 0..<4 { bench.settle() }
    #expect(bench.queue.log.segments.first == 1, "the reader keeps what it reads")
    #expect(try bench.content(of: again) == Array("onetwothree".utf8))
    bench.queue.release(again)
    bench.take("x")
    bench.settle()
    #expect(bench.queue.log.segments.first! > 1)
    let next = try bench.restarted(policy: Self.policy)
    #expect(try next.content(of: next.lease()) == Array("onetwothree".utf8))
  }

  @Test("a message that ends while its copy is on the way stays ended", arguments: [false, true])
  func finishedMeanwhile(isCopyRefused: Bool) throws {
    let bench = try QueueBench(policy: Self.policy)
    let disk = bench.simulatedDisk
    bench.take("straggler", to: ["a@x.example"])
    let lease = try bench.lease()
    Self.pass(4, on: bench)
    bench.queue.release(lease)
    #expect(try bench.queue.compact(now: bench.now) == .underWay)
    #expect(bench.deliver() != nil)
    if isCopyRefused { disk.fail(.sync) }
    bench.settle()
    disk.heal()
    _ = try bench.compact()
    bench.settle()
    #expect(bench.all.isEmpty && bench.queue.log.segments.first! > 1)
    #expect(try bench.restarted(policy: Self.policy).all.isEmpty)
    disk.crash(seed: 1)
    #expect(try QueueBench(disk, policy: Self.policy).all.isEmpty)
  }

  @Test("copies that the disk does not take leave everything where it was", arguments: [EIO, ENOSPC])
  func refused(code: Int32) throws {
    let bench = try QueueBench(policy: Self.policy)
    let disk = bench.simulatedDisk
    let ids = try Self.stragglers(bench)
    Self.pass(5, on: bench)
    let before = try Picture(bench)
    _ = try bench.queue.compact(now: bench.now)
    disk.fail(.write, count: 2, with: .error(code))
    bench.settle()
    #expect(try bench.queue.compact(now: bench.now) == .refused)
    disk.heal()
    bench.settle()
    #expect(try Picture(bench) == before)
    #expect(try bench.compact() == .idle)
    #expect(try Picture(bench) == before && before.views.map(\.id) == ids)
  }

  @Test("with room short the log is kept closer to what lives in it")
  func spaceIsShort() throws {
    let segmentOctets = 512 << 10
    let bench = try QueueBench(policy: QueuePolicy(segmentOctets: segmentOctets))
    var ids: [MessageID] = []
    for _ in 0..<8 {
      for _ in 0..<200 { ids.append(bench.submit([Array(Self.filler.utf8.prefix(2_000))])!.id) }
      bench.settle()
    }
    let kept = ids.enumerated().filter { $0.offset % 4 != 1 }.map(\.element)
    _ = bench.queue.hold(kept, until: nil, by: PeerText("root"), now: bench.now)
    while bench.deliver() != nil {}
    bench.settle()
    #expect(bench.all.map(\.id) == kept)
    #expect(try bench.compact() == .idle && bench.queue.log.segments.first == 1)
    let calls = bench.compactionCalls.count
    bench.queue.spaceIsShort(true)
    #expect(bench.compactionCalls.count == calls + 1)
    #expect(try bench.compact() == .idle)
    let (onDisk, live) = bench.queue.logOctets
    #expect(onDisk <= live * 5 / 4 + segmentOctets)
    bench.queue.spaceIsShort(false)
    #expect(try bench.compact() == .idle)
    #expect(bench.all.map(\.id) == kept)
  }
}
