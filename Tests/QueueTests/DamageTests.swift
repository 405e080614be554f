// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import TestKit
import Testing
import WAL

/// What happens when the disk does not keep what it was given.
@Suite struct DamageTests {
  /// Two small messages, one with chunks, one deferred, one delivered.
  private func small() throws -> QueueBench {
    let bench = try QueueBench(policy: QueuePolicy(segmentOctets: 24 << 10))
    bench.take("first", to: ["a@x.example"])
    _ = bench.submit([Array("chunk one".utf8), Array("chunk two".utf8), Array("end".utf8)], to: ["b@x.example"])
    bench.queue.log.step()
    bench.take("third", to: ["c@x.example", "d@x.example"], login: "carol")
    bench.deliver(.deferred)
    bench.queue.log.step()
    bench.take("fourth", to: ["e@x.example"], login: "dave")
    return bench
  }

  private struct Whole: Hashable {
    var envelope: Envelope
    var content: [UInt8]
  }

  /// Everything that the queue would deliver, whenever its time comes.
  private func deliverable(_ bench: QueueBench) -> [MessageID: Whole] {
    bench.pass(day)
    var found: [MessageID: Whole] = [:]
    while let lease = bench.queue.lease(now: bench.now) {
      let id = lease.id
      guard let content = try? bench.content(of: lease) else {
        bench.queue.release(lease)
        continue
      }
      found[id] = Whole(envelope: lease.envelope, content: content)
      bench.queue.record(
        lease.recipientIndexes.map { RecipientOutcome(index: $0, result: .failed, reply: bench.reply(.failed)) },
        of: lease, now: bench.now, jitter: 0)
    }
    return found
  }

  @Test(
    "every bit of a small queue flipped: never a wrong envelope or content, never another message lost, always told")
  func everyBit() throws {
    let bench = try small()
    let disk = bench.simulatedDisk
    let original = deliverable(try bench.restarted())
    #expect(original.count == 4)
    for name in disk.names {
      let octets = disk.contents(name)
      for offset in octets.indices {
        let near = octets[max(0, offset - 24)...min(offset + 24, octets.count - 1)]
        if near.allSatisfy({ $0 == 0 }) { continue }
        let damaged = disk.copy()
        damaged.flip(name, offset: offset, bit: offset % 8)
        let next = try QueueBench(damaged, now: bench.now)
        let report = next.report
        let found = deliverable(next)
        let lost = original.keys.filter { found[$0] == nil }
        #expect(found.allSatisfy { original[$0.key] == $0.value }, "\(name) \(offset)")
        #expect(lost.count <= 1, "\(name) \(offset)")
        // A start reads no content that an index stands for; whoever is to send it does.
        let isTold = lost.allSatisfy { next.queue.view($0)?.state == .quarantined }
        #expect(isTold || !report.damages.isEmpty || report.tornRecords > 0, "\(name) \(offset)")
      }
    }
  }

  @Test("a message with a damaged chunk is quarantined and named; the others go on")
  func quarantine() throws {
    let bench = try QueueBench()
    let disk = bench.simulatedDisk
    let (id, _) = bench.submit([Array("chunk".utf8), Array("end".utf8)])!
    bench.queue.log.step()
    let other = bench.take("other")
    disk.flip("00000001.wal", offset: 4096 + 40, bit: 0)
    let next = try bench.restarted()
    #expect(next.report.quarantined == [id])
    #expect(next.report.damages.map(\.message) == [id])
    #expect(
      next.report.damages.first?.description.hasPrefix(
        "damaged content in 00000001.wal at offset 4096, 48 octets, message \(id): ") == true)
    #expect(next.queue.view(id)?.state == .quarantined && next.queue.summary(now: next.now).quarantined == 1)
    #expect(next.deliver() == other)
    #expect(next.deliver() == nil)
    #expect(next.queue.flush([id], now: next.now) == 0)
    // Its segment stays, however much else is finished.
    let filler = String(repeating: "x", count: 60_000)
    for _ in 0..<12 {
      next.take(filler)
      next.deliver()
    }
    next.queue.log.step()
    #expect(next.queue.log.segments.first == 1)
    #expect(try next.restarted().report.quarantined == [id])
  }

  @Test("damage that is met while reading stops that message and is not handed out")
  func readDamage() throws {
    let bench = try QueueBench()
    let disk = bench.simulatedDisk
    let id = bench.take("content that rots")
    let lease = try bench.lease()
    disk.flip("00000001.wal", offset: 4096 + 40 + 130, bit: 3)
    #expect(throws: ContentError.self) { _ = try bench.queue.read(0, of: lease.content, mayBlock: true) }
    bench.queue.release(lease)
    #expect(bench.queue.view(id)?.state == .quarantined && bench.deliver() == nil)
  }

  @Test("a damaged acceptance is named with the id that it bears")
  func damagedAcceptance() throws {
    let bench = try QueueBench()
    let id = bench.take("content")
    bench.take("other")
    bench.simulatedDisk.flip("00000001.wal", offset: 4096 + 40 + 70, bit: 3)
    let next = try bench.restarted()
    #expect(next.report.damages.map(\.message) == [id])
    #expect(next.all.count == 1)
  }

  @Test("numbers in a segment that cannot be read are not given to others, so that it can come back")
  func numbersOfTheUnreadable() throws {
    let bench = try QueueBench()
    bench.take("first")
    let second = try bench.restarted()
    let hidden = second.take("hidden")
    let disk = second.simulatedDisk
    let header = Array(disk.contents("00000002.wal").prefix(4096))
    disk.overwrite("00000002.wal", at: 0, with: [UInt8](repeating: 0, count: 4096))
    let third = try second.restarted()
    #expect(third.report.damages.count == 1 && !third.all.contains { $0.id == hidden })
    let new = third.take("new")
    #expect(new.number > hidden.number)
    third.simulatedDisk.overwrite("00000002.wal", at: 0, with: header)
    let fourth = try third.restarted()
    #expect(fourth.report.damages.isEmpty)
    #expect(Set(fourth.all.map(\.id)).isSuperset(of: [hidden, new]) && fourth.all.count == 3)
  }

  @Test("reading without waiting says so instead of waiting")
  func cold() throws {
    let bench = try QueueBench()
    bench.take("x")
    let lease = try bench.lease()
    #expect(try bench.queue.read(0, of: lease.content, mayBlock: false) == nil)
    #expect(try bench.queue.read(0, of: lease.content, mayBlock: true) == [0x78])
    #expect(try bench.queue.read(0, of: lease.content, mayBlock: false) == [0x78])
  }

  @Test("a second queue on the same directory is refused")
  func inUse() throws {
    let bench = try QueueBench()
    #expect(throws: QueueError.log(.inUse(directory: "simulated", pid: "1", since: "the beginning"))) {
      _ = try QueueBench(bench.disk)
    }
  }
}
