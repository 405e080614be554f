// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Queue
import SMTP
import TestKit
import Testing
import WAL

@Suite("Compaction interrupted, and what it makes of damage")
struct CompactionFaultTests {
  private static let policy = CompactionTests.policy

  /// A log whose head holds messages of every kind; what it says, and a disk to begin from each time.
  private func prepared() throws -> (disk: SimulatedDisk, picture: Picture, now: Instant) {
    let bench = try QueueBench(policy: Self.policy)
    _ = try CompactionTests.stragglers(bench)
    CompactionTests.pass(3, on: bench)
    return (bench.simulatedDisk.copy(), try Picture(bench), bench.now)
  }

  private func opened(_ disk: SimulatedDisk, _ now: Instant) throws -> QueueBench {
    try QueueBench(disk, policy: Self.policy, now: now, salt: 12)
  }

  /// Compacts while it can.
  private func compact(_ bench: QueueBench) {
    bench.queue.log.step()
    for _ in 0..<40 {
      guard let progress = try? bench.queue.compact(now: bench.now), progress == .underWay else { break }
      for _ in 0..<4 { bench.queue.log.step() }
    }
    for _ in 0..<4 { bench.queue.log.step() }
  }

  @Test("the power goes at every disk operation: every message is there once, as it was")
  func powerCutAtEveryOperation() throws {
    let (base, picture, now) = try prepared()
    var nth = 1
    while true {
      let disk = base.copy()
      let bench = try opened(disk, now)
      let before = disk.count(nil)
      disk.fail(nil, nth: nth, count: .max, with: .error(EIO))
      // One of its own messages makes the first segment of this run.
      bench.take("one more", to: ["z@x.example"])
      compact(bench)
      let isOver = disk.count(nil) - before < nth
      if isOver { #expect(bench.queue.log.segments.first! > 1, "it came to its end") }
      disk.heal()
      if nth % 4 == 0 { disk.kill() } else { disk.crash(seed: UInt64(nth)) }
      let next = try opened(disk, now)
      var found = try Picture(next)
      found.forget("z@x.example")
      #expect(found == picture.forgetting("z@x.example"), "operation \(nth)")
      #expect(next.report.damages.isEmpty && next.report.quarantined.isEmpty, "operation \(nth)")
      // It goes on where it was.
      next.take("another", to: ["z@x.example"])
      compact(next)
      found = try Picture(next)
      found.forget("z@x.example")
      #expect(found == picture.forgetting("z@x.example"), "operation \(nth), later")
      #expect(next.queue.log.segments.first! > 1, "operation \(nth), later")
      if isOver { break }
      nth += 1
    }
    #expect(nth > 20)
  }

  @Test("every disk operation fails once, in every way: nothing changes, and compaction comes to its end")
  func everyOperationFailsOnce() throws {
    let (base, picture, now) = try prepared()
    for fault in [SimulatedDisk.Fault.error(EIO), .error(ENOSPC), .short] {
      var nth = 1
      while true {
        let disk = base.copy()
        let bench = try opened(disk, now)
        let before = disk.count(nil)
        disk.fail(nil, nth: nth, with: fault)
        bench.take("one more", to: ["z@x.example"])
        for _ in 0..<3 { compact(bench) }
        let isOver = disk.count(nil) - before < nth
        disk.heal()
        // What the disk would not remove, it removes with the next sync.
        bench.take("and one", to: ["z@x.example"])
        bench.settle()
        compact(bench)
        bench.settle()
        var found = try Picture(bench)
        found.forget("z@x.example")
        #expect(found == picture.forgetting("z@x.example"), "operation \(nth), \(fault)")
        #expect(bench.queue.log.segments.first! > 1, "operation \(nth), \(fault)")
        disk.crash(seed: UInt64(nth))
        found = try Picture(opened(disk, now))
        found.forget("z@x.example")
        #expect(found == picture.forgetting("z@x.example"), "operation \(nth), \(fault), later")
        if isOver { break }
        nth += 1
      }
    }
  }

  @Test("a head with damage is put aside when what lives in it has moved, and the damaged message stays to be seen")
  func damagedHead() throws {
    let bench = try QueueBench(policy: Self.policy)
    let disk = bench.simulatedDisk
    let (damaged, _) = bench.submit([Array("chunk one".utf8), Array("two".utf8)], to: ["a@x.example"])!
    bench.queue.log.step()
    let other = bench.take("healthy", to: ["b@x.example"])
    while bench.deliver(.deferred) != nil {}
    bench.settle()
    CompactionTests.pass(4, on: bench)
    let octets = disk.contents("00000001.wal")
    let place = octets.indices.first { octets[$0...].starts(with: Array("chunk one".utf8)) }!
    disk.flip("00000001.wal", offset: place, bit: 2)
    for isFoundAtStart in [true, false] {
      let copy = disk.copy()
      // Found by the start, or by compaction itself.
      if !isFoundAtStart { copy.flip("00000001.wal", offset: place, bit: 2) }
      let next = try opened(copy, bench.now)
      if !isFoundAtStart { copy.flip("00000001.wal", offset: place, bit: 2) }
      // A start that has an index of the segment does not read content.
      #expect(next.report.quarantined == [] || next.report.quarantined == [damaged] && isFoundAtStart)
      next.take("x", to: ["z@x.example"])
      #expect(try next.compact() == .idle)
      #expect(next.queue.log.segments.first! > 1)
      #expect(copy.names.contains("00000001.damaged") && !copy.names.contains("00000001.wal"))
      #expect(next.queue.view(damaged)?.state == .quarantined)
      #expect(try next.queue.details(damaged)?.replies.count == 1)
      let last = try next.restarted(policy: Self.policy)
      #expect(last.report.quarantined == [damaged] && last.report.damages.map(\.message) == [damaged])
      last.pass(day)
      var delivered: [MessageID] = []
      while let id = last.deliver() { delivered.append(id) }
      #expect(delivered.contains(other) && !delivered.contains(damaged))
      last.settle()
      _ = last.queue.bounce([damaged], reply: last.reply(.failed), report: false, now: last.now)
      last.settle()
      #expect(last.all.isEmpty)
    }
  }

  @Test("a message whose record cannot be read any more is kept with what memory knows of it")
  func damagedRecord() throws {
    let bench = try QueueBench(policy: Self.policy)
    let disk = bench.simulatedDisk
    let id = bench.take("content that will rot", to: ["a@x.example", "b@x.example"])
    bench.deliver(.deferred)
    bench.settle()
    CompactionTests.pass(4, on: bench)
    let octets = disk.contents("00000001.wal")
    let place = octets.indices.first { octets[$0...].starts(with: Array("content that".utf8)) }!
    disk.flip("00000001.wal", offset: place, bit: 2)
    #expect(try bench.compact() == .idle)
    #expect(disk.names.contains("00000001.damaged"))
    let next = try bench.restarted(policy: Self.policy)
    #expect(next.report.quarantined == [id])
    let details = try #require(try next.queue.details(id))
    #expect(details.view.recipients.map(\.address.text) == ["a@x.example", "b@x.example"])
    #expect(details.view.state == .quarantined && details.view.submitter == "alice" && details.replies.count == 2)
  }

  @Test("a head that is gone although it was needed is damage; one that was not needed is none")
  func missingHead() throws {
    let bench = try QueueBench(policy: Self.policy)
    CompactionTests.pass(3, on: bench)
    for _ in 0..<8 { bench.take(String(repeating: "y", count: 20_000), to: ["a@x.example"]) }
    // Where the log begins is told behind its beginning.
    for _ in 0..<3 { bench.deliver() }
    bench.settle()
    let disk = bench.simulatedDisk
    #expect(try bench.restarted(policy: Self.policy).report.damages.isEmpty)
    let copy = disk.copy()
    let first = try #require(copy.names.first { $0.hasSuffix(".wal") })
    try copy.remove(first)
    try copy.syncDirectory()
    let next = try opened(copy, bench.now)
    #expect(next.report.damages.contains { $0.missing == [first] })
  }

  @Test("the total of standstill outlives the head that told of it")
  func standstill() throws {
    let bench = try QueueBench(policy: Self.policy)
    bench.queue.extendLifetimes(by: 3 * day)
    CompactionTests.pass(4, on: bench)
    #expect(bench.queue.log.segments.first! > 1)
    let next = try bench.restarted(policy: Self.policy)
    let id = next.take("new", to: ["a@x.example"])
    let expires = next.queue.view(id)!.expires
    next.queue.extendLifetimes(by: hour)
    #expect(next.queue.view(id)!.expires == expires + hour, "only what comes after counts")
  }
}

extension Picture {
  mutating func forget(_ recipient: String) {
    let isKept = views.map { $0.recipients[0].address.text != recipient }
    summary = QueueSummary()
    (views, origins) = (views.kept(isKept), origins.kept(isKept))
    (replies, uncertain) = (replies.kept(isKept), uncertain.kept(isKept))
    (wishes, askedForUTF8) = (wishes.kept(isKept), askedForUTF8.kept(isKept))
  }

  func forgetting(_ recipient: String) -> Picture {
    var picture = self
    picture.forget(recipient)
    return picture
  }
}

extension Array {
  fileprivate func kept(_ isKept: [Bool]) -> [Element] { zip(self, isKept).filter(\.1).map(\.0) }
}
