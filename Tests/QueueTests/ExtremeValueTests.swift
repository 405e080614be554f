// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import TestKit
import Testing

@testable import Queue
@testable import WAL

/// Values that nobody wrote in earnest, in records whose checksums are right: rot that a checksum misses, a program of
/// ours that was wrong, or somebody who has the directory. What such a record says may be nonsense; the program must
/// not end by it, and no other message may suffer.
@Suite("Extreme values in records end nothing but what they are about")
struct ExtremeValueTests {
  private static let extremes: [UInt64] = [
    0, 1, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 44, 1 << 45, 1 << 53, 1 << 62, UInt64(Int64.max) - 1, UInt64(Int64.max),
    1 << 63, .max - 1, .max,
  ]
  /// No value above, nor a part of one, makes another record name this message.
  private static let bystander = MessageID(number: 3)

  private struct Spool {
    let disk: SimulatedDisk
    let now: Instant
  }

  /// Records of every type that stays in a log while nothing is copied.
  private static func events() throws -> Spool {
    let bench = try QueueBench(policy: CompactionTests.policy)
    let root = PeerText("root")
    var ids: [MessageID] = []
    for name in ["deferred", "held", "bystander", "timed", "dropped", "bounced", "released", "erased", "back"] {
      ids.append(bench.submit([Array("chunk of \(name), ".utf8), Array("end".utf8)], to: ["\(name)@x.example"])!.id)
      bench.queue.log.step()
    }
    while bench.deliver(.deferred) != nil {}
    _ = bench.queue.flush([ids[0]], now: bench.now)
    bench.queue.extendLifetimes(by: minute)
    _ = bench.queue.hold([ids[1], ids[6]], until: nil, by: root, now: bench.now)
    _ = bench.queue.hold([ids[3]], until: bench.now.wall + 5 * hour, by: root, reason: root, now: bench.now)
    _ = bench.queue.release([ids[6]], now: bench.now)
    _ = bench.queue.drop([ids[4], ids[8]], keep: day, by: root, now: bench.now)
    _ = bench.queue.bounce([ids[5]], reply: bench.reply(.failed), report: true, now: bench.now)
    _ = bench.queue.erase([ids[7]], now: bench.now)
    bench.settle()
    _ = bench.tell(try bench.notice())
    _ = bench.queue.drop([ids[0]], keep: hour, by: root, now: bench.now)
    _ = bench.queue.undrop(batch: 2, now: bench.now)
    bench.settle()
    return Spool(disk: bench.simulatedDisk.copy(), now: bench.now)
  }

  /// The same spool when its head is gone: records of messages at other places, and of facts that are kept.
  private static func copies() throws -> Spool {
    let first = try events()
    let bench = try QueueBench(first.disk, policy: CompactionTests.policy, now: first.now)
    CompactionTests.pass(6, on: bench)
    try bench.compact()
    bench.settle()
    return Spool(disk: bench.simulatedDisk.copy(), now: bench.now)
  }

  /// The same, taken over by another machine.
  private static func adopted() throws -> Spool {
    let first = try events()
    let own = SimulatedDisk()
    _ = try SpoolAdoption.adopt(
      from: first.disk, named: "old", into: own, now: first.now, salt: 4, host: "gateway")
    return Spool(disk: own.copy(), now: first.now)
  }

  @Test(
    "recovered, listed, dumped, ordered about, sent, copied and repaired, with every kind of spool", arguments: 0..<3)
  func fuzz(kind: Int) throws {
    let spool = try [Self.events, Self.copies, Self.adopted][kind]()
    let places = try Self.places(spool)
    #expect(Set(places.map(\.type)) == [[17, 18, 19, 20, 21, 22, 23, 27, 28, 29], [25, 26], [25, 26, 30]][kind])
    for seed in 0..<Self.seeds {
      var generator = SeededGenerator(seed: seed)
      let disk = spool.disk.copy()
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        Self.spoil(places.randomElement(using: &generator)!, on: disk, using: &generator)
      }
      do {
        try Self.use(disk, spool.now, "kind \(kind), seed \(seed)")
      } catch {
        Issue.record("kind \(kind), seed \(seed): \(error)")
      }
    }
  }

  private static let seeds: UInt64 = 15

  @Test(
    "a message without a possible number is named as damage, and one with a high number is not counted on from",
    arguments: [0, 1 << 45, .max, (1 << 44) + 1, (1 << 45) - 1] as [UInt64])
  func numbers(number: UInt64) throws {
    let spool = try Self.events()
    let place = try #require(try Self.places(spool).first { $0.type == EventRecord.Kind.accepted.rawValue })
    Self.write(number, 8, at: 0, of: place, on: spool.disk)
    let bench = try QueueBench(spool.disk, policy: CompactionTests.policy, now: spool.now)
    let isPossible = (1...MessageID.numberMax).contains(number)
    #expect(bench.report.damages.map(\.word) == (isPossible ? [] : ["unknown-record"]))
    #expect((bench.queue.view(MessageID(number: number)) != nil) == isPossible)
    #expect(bench.queue.makeID().number < 1 << 30)
    try Self.expectBystander(bench, "\(number)")
  }

  @Test("a batch with the highest number there is can be taken back, and the next one has a number")
  func batch() throws {
    let spool = try Self.events()
    let place = try #require(try Self.places(spool).first { $0.type == EventRecord.Kind.dropped.rawValue })
    Self.write(.max, 8, at: 16, of: place, on: spool.disk)
    let bench = try QueueBench(spool.disk, policy: CompactionTests.policy, now: spool.now)
    #expect(bench.queue.droppedBatches == [.max])
    let (id, count) = try (bench.all[0].id, #require(bench.queue.droppedCounts[.max]))
    #expect(bench.queue.drop([id], keep: .max, by: PeerText("root"), now: bench.now)?.batch == 3)
    #expect(bench.queue.undrop(batch: .max, now: bench.now) == count)
    _ = try #require(bench.queue.view(id)?.drop)
  }

  @Test(
    "a record that gives up segments in which something lives, or its own, takes nothing away",
    arguments: [true, false])
  func floor(isOwn: Bool) throws {
    let spool = try Self.copies()
    let place = try #require(try Self.places(spool).last { $0.type == EventRecord.Kind.kept.rawValue })
    Self.write(isOwn ? 0xFFFF_FFFF : UInt64(place.extent.segment), 4, at: 0, of: place, on: spool.disk)
    let bench = try QueueBench(spool.disk, policy: CompactionTests.policy, now: spool.now)
    #expect(bench.report.damages.map(\.word).contains("unknown-record") == isOwn)
    let ids = bench.all.map(\.id)
    bench.take("more")
    bench.settle()
    let next = try bench.restarted(policy: CompactionTests.policy)
    #expect(next.all.map(\.id).prefix(ids.count) == ids[...] && next.report.quarantined.isEmpty)
    for view in next.all { #expect(try next.queue.details(view.id) != nil) }
  }

  // MARK: - Spoiling

  private struct Place {
    let type: UInt8
    let extent: WAL.Extent
  }

  /// Records that say something, but for those about the bystander alone.
  private static func places(_ spool: Spool) throws -> [Place] {
    var places: [Place] = []
    let disk = spool.disk.copy()
    _ = try LogRecovery.verify(disk: disk) { type, extent, payload, _ in
      guard type != EventRecord.Kind.content.rawValue else { return }
      let number = payload.count < 8 ? 0 : payload.loadUnaligned(as: UInt64.self)
      let isNamed = EventRecord.Kind(rawValue: type)?.namesMessage == true && number == bystander.number
      if !isNamed { places.append(Place(type: type, extent: extent)) }
    }
    return places
  }

  /// Puts an extreme value somewhere into the payload.
  private static func spoil(_ place: Place, on disk: SimulatedDisk, using generator: inout SeededGenerator) {
    let width = [2, 4, 8, 8, 8].randomElement(using: &generator)!
    guard place.extent.octets >= width else { return }
    // Numbers stand in the first octets of most records, and anywhere in a moved one.
    let last = Int(place.extent.octets) - width
    let isAhead = Int.random(in: 0..<3, using: &generator) > 0
    let offset = Int.random(in: 0...(isAhead ? min(last, 64) : last), using: &generator)
    write(extremes.randomElement(using: &generator)!, width, at: offset, of: place, on: disk)
  }

  /// Makes the checksums right, and takes the index away, so that the record itself is read.
  private static func write(_ value: UInt64, _ width: Int, at offset: Int, of place: Place, on disk: SimulatedDisk) {
    let name = SegmentName.text(place.extent.segment)
    let start = Int(place.extent.offset)
    let contents = disk.contents(name)
    var record = Array(contents[start..<(start + RecordHeader.octets + Int(place.extent.octets))])
    withUnsafeBytes(of: value.littleEndian) { octets in
      for index in 0..<width { record[RecordHeader.octets + offset + index] = octets[index] }
    }
    let salt = contents.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 16, as: UInt64.self) }
    let magic = SegmentHeader.magic(of: salt)
    let checksum = Checksum.crc32c(Array(record[RecordHeader.octets...]))
    record.withUnsafeMutableBytes { octets in
      var header = RecordHeader.load(UnsafeRawBufferPointer(octets), offset: start)!
      header.payloadChecksum = checksum
      header.store(into: octets, magic: magic, offset: start)
    }
    disk.overwrite(name, at: start, with: record)
    disk.overwrite(name, at: contents.count - 64, with: [UInt8](repeating: 0, count: 64))
  }

  // MARK: - Using

  private static func use(_ disk: SimulatedDisk, _ now: Instant, _ comment: String) throws {
    _ = try LogRecovery.verify(disk: disk) { type, extent, payload, _ in _ = DumpedRecord(type, extent, payload) }
    let copy = disk.copy()
    let new = SimulatedDisk()
    let report = try SpoolRepair.repair(from: copy, to: new, named: "new", now: now, salt: 5, host: "gateway")
    #expect(report.kept.contains(bystander), "\(comment): repaired without the bystander")
    new.kill()
    _ = try QueueBench(new, now: now).all
    var bench = try QueueBench(disk, policy: CompactionTests.policy, now: now)
    for round in 0..<2 {
      let comment = "\(comment), round \(round)"
      try expectBystander(bench, comment)
      let ids = bench.all.map(\.id)
      let selector = try Selector("age:>1d,<2d,>5s next:<10m,>10m -size:>5M -tries:>100")
      for view in bench.all { _ = selector.matches(view, now: bench.now.wall) { try? bench.queue.details(view.id) } }
      _ = bench.queue.hold(ids, until: .max, by: PeerText("root"), now: bench.now)
      _ = bench.queue.drop(ids, keep: .max, by: PeerText("root"), now: bench.now)
      bench.settle()
      for batch in bench.queue.droppedBatches { _ = bench.queue.undrop(batch: batch, now: bench.now) }
      _ = bench.queue.release(ids, now: bench.now)
      _ = bench.queue.flush(ids, now: bench.now)
      bench.queue.extendLifetimes(by: .max)
      while let lease = bench.queue.lease(now: bench.now) {
        _ = try? bench.content(of: lease)
        let outcomes = lease.recipientIndexes.prefix(3).map { index in
          RecipientOutcome(index: index, result: .deferred, reply: bench.reply(.deferred))
        }
        bench.queue.record(outcomes, of: lease, now: bench.now, jitter: 0)
      }
      bench.settle()
      try bench.visitNotices { _ in }
      CompactionTests.pass(3, on: bench)
      try bench.compact()
      bench.live(hour)
      bench.settle()
      try expectBystander(bench, comment)
      bench = try bench.restarted(wallJump: round == 0 ? -400 * day : 0, policy: CompactionTests.policy)
    }
    try expectBystander(bench, comment)
  }

  private static func expectBystander(_ bench: QueueBench, _ comment: String) throws {
    let view = bench.queue.view(bystander)
    #expect(view?.recipients.first?.address.text == "bystander@x.example", "\(comment)")
    #expect(view?.state != .quarantined && view?.state != .failed && view?.state != .dropped, "\(comment)")
    #expect(try bench.queue.details(bystander)?.origin.login == "alice", "\(comment)")
  }
}
