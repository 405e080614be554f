// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Queue
import SMTP
import TestKit
import Testing
import WAL

@Suite("Repair makes a new spool of what can be read; adopt takes over another machine's mail once")
struct SpoolTransferTests {
  private static let policy = CompactionTests.policy

  private func stopped(_ bench: QueueBench) -> SimulatedDisk { bench.simulatedDisk.copy() }

  private func opened(_ disk: SimulatedDisk, _ now: Instant) throws -> QueueBench {
    try QueueBench(disk, policy: Self.policy, now: now, salt: 99)
  }

  private func repair(_ disk: SimulatedDisk, to new: SimulatedDisk, _ now: Instant) throws -> SpoolRepairReport {
    defer { for disk in [disk, new] { disk.kill() } }
    return try SpoolRepair.repair(from: disk, to: new, named: "new", now: now, salt: 5, host: "gateway")
  }

  private func adopt(_ disk: SimulatedDisk, into own: SimulatedDisk, _ now: Instant) throws -> SpoolAdoptionReport {
    defer { for disk in [disk, own] { disk.kill() } }
    return try SpoolAdoption.adopt(from: disk, named: "old", into: own, now: now, salt: 6, host: "gateway")
  }

  @Test("a repaired spool says everything that the old one said, and the old one is not touched")
  func repairKeepsEverything() throws {
    let bench = try QueueBench(policy: Self.policy)
    let ids = try CompactionTests.stragglers(bench)
    CompactionTests.pass(2, on: bench)
    let old = stopped(bench)
    let new = SimulatedDisk()
    let contents = old.names.map { old.contents($0) }
    let report = try repair(old, to: new, bench.now)
    #expect(report.kept == ids)
    #expect(report.lost.isEmpty && report.doubtful.isEmpty)
    #expect(old.names.map { old.contents($0) } == contents)
    let next = try opened(new, bench.now)
    #expect(try Picture(next) == Picture(bench))
    #expect(next.queue.makeID().number >= bench.queue.makeID().number, "no id is given twice")
    next.pass(5 * hour)
    _ = next.queue.readyCount(now: next.now)
    #expect(next.queue.view(ids[2])?.hold == nil, "a hold ends when it would have")
  }

  @Test("what cannot be read is named and left where it is, and the rest goes on", arguments: [false, true])
  func repairOfDamage(isRecord: Bool) throws {
    let bench = try QueueBench(policy: Self.policy)
    let first = bench.take("first", to: ["a@x.example"])
    let (second, _) = bench.submit([Array("chunk".utf8), Array("tail of it".utf8)], to: ["b@x.example"])!
    bench.settle()
    let third = bench.take("third", to: ["c@x.example"])
    let old = stopped(bench)
    let octets = old.contents("00000001.wal")
    let needle = Array((isRecord ? "tail of it" : "chunk").utf8)
    let place = octets.indices.first { octets[$0...].starts(with: needle) }!
    old.flip("00000001.wal", offset: place, bit: 1)
    let new = SimulatedDisk()
    let report = try repair(old, to: new, bench.now)
    #expect(report.kept == [first, third] && report.lost + report.doubtful == [second])
    #expect(!report.recovery.damages.isEmpty)
    let next = try opened(new, bench.now)
    #expect(next.report.damages.isEmpty && next.all.map(\.id) == [first, third])
  }

  @Test("nothing is repaired into a directory that is not empty, or while somebody has the old spool")
  func repairRefuses() throws {
    let bench = try QueueBench(policy: Self.policy)
    bench.take("x")
    let other = try QueueBench(policy: Self.policy)
    other.take("y")
    #expect(throws: QueueError.notEmpty("new")) { try repair(stopped(bench), to: stopped(other), bench.now) }
    #expect(throws: QueueError.log(.inUse(directory: "simulated", pid: "1", since: "the beginning"))) {
      _ = try SpoolRepair.repair(
        from: bench.disk, to: SimulatedDisk(), named: "new", now: bench.now, salt: 5, host: "gateway")
    }
    #expect(QueueError.notEmpty("new").description.contains("not empty"))
  }

  /// Another machine, with another salt and so another identity.
  private func other(_ count: Int) throws -> QueueBench {
    let bench = try QueueBench(SimulatedDisk(), policy: Self.policy, salt: 77)
    for index in 0..<count { bench.take("theirs \(index)", to: ["t\(index)@x.example"], login: "their") }
    return bench
  }

  @Test("adopted mail has its ids, states and replies; what meets an id of ours gets a new one")
  func adopts() throws {
    let ours = try QueueBench(policy: Self.policy)
    let mine = ours.take("mine", to: ["m@x.example"])
    let theirs = try QueueBench(SimulatedDisk(), policy: Self.policy, salt: 77)
    let ids = try CompactionTests.stragglers(theirs)
    #expect(ids[0] == mine, "both machines began to count at one")
    let before = try Picture(theirs)
    let own = stopped(ours)
    let report = try adopt(stopped(theirs), into: own, theirs.now)
    #expect(report.adopted.count == ids.count && report.renamed.map(\.old) == [mine] && report.lost.isEmpty)
    let next = try opened(own, theirs.now)
    #expect(next.all.count == ids.count + 1 && next.queue.view(mine)?.sender?.text == "alice@example.com")
    let new = report.renamed[0].new
    #expect(new.number > ids.last!.number)
    for (place, view) in before.views.enumerated() {
      let id = view.id == mine ? new : view.id
      let details = try #require(try next.queue.details(id))
      #expect(details.view.recipients == view.recipients && details.replies == before.replies[place])
      #expect(details.view.state == view.state && details.view.received == view.received)
      #expect(details.view.expires == view.expires && details.view.hold == view.hold)
    }
    #expect(next.queue.makeID().number > new.number)
  }

  @Test("adopting twice is once, also if mail was delivered in between and the head of the log has gone")
  func adoptsOnce() throws {
    let theirs = try other(4)
    let own = SimulatedDisk()
    #expect(try adopt(stopped(theirs), into: own, theirs.now).adopted.count == 4)
    let between = try opened(own, theirs.now)
    for _ in 0..<2 { between.deliver() }
    between.settle()
    CompactionTests.pass(6, on: between)
    try between.compact()
    #expect(between.queue.log.segments.first! > 3)
    let later = stopped(between)
    let again = try adopt(stopped(theirs), into: later, theirs.now)
    #expect(again.adopted.isEmpty && again.earlier == 4)
    #expect(try opened(later, theirs.now).all.count == 2)
    later.kill()
    // What has come to the other machine since is new.
    theirs.take("since", to: ["s@x.example"])
    #expect(try adopt(stopped(theirs), into: later, theirs.now).adopted.count == 1)
    #expect(try opened(later, theirs.now).all.count == 3)
  }

  @Test("a crash or a failure at any operation of an adoption, then again: every message once")
  func adoptsOnceWhateverHappens() throws {
    let theirs = try other(3)
    let (large, _) = theirs.submit([Array("one".utf8), Array("two".utf8)], to: ["l@x.example"])!
    theirs.settle()
    #expect(theirs.queue.view(large) != nil)
    var nth = 1
    while true {
      let own = SimulatedDisk(seed: UInt64(nth))
      own.fail(nil, nth: nth, count: .max)
      let isDone = (try? adopt(stopped(theirs), into: own, theirs.now)) != nil
      own.heal()
      own.crash(seed: UInt64(nth))
      // Somebody starts the daemon before trying again, and one message is delivered.
      let between = try opened(own, theirs.now)
      let delivered = between.deliver() == nil ? 0 : 1
      between.settle()
      own.kill()
      let again = try adopt(stopped(theirs), into: own, theirs.now)
      let next = try opened(own, theirs.now)
      #expect(next.all.count == 4 - delivered, "operation \(nth): \(again)")
      #expect(Set(next.all.map(\.recipients[0].address)).count == next.all.count, "operation \(nth)")
      if isDone { break }
      nth += 1
    }
    #expect(nth > 10)
  }

  @Test("a copy of our own spool, and one that cannot be told from others, are not adopted")
  func adoptRefuses() throws {
    let ours = try QueueBench(policy: Self.policy)
    ours.take("mine")
    #expect(throws: QueueError.ownSpool("old")) { try adopt(stopped(ours), into: stopped(ours), ours.now) }
    #expect(throws: QueueError.nameless("old")) { try adopt(SimulatedDisk(), into: stopped(ours), ours.now) }
    #expect(QueueError.ownSpool("old").description.contains("copy") && !QueueError.nameless("old").isInUse)
  }

  @Test("on a real file system, by paths")
  func paths() throws {
    let base = "/tmp/postern-transfer-\(getpid())"
    defer {
      for name in ["a", "b", "c"] {
        if let disk = try? PosixDisk(reading: "\(base)/\(name)"), let names = try? disk.list() {
          for file in names { unlink("\(base)/\(name)/\(file)") }
        }
        rmdir("\(base)/\(name)")
      }
      rmdir(base)
    }
    mkdir(base, 0o700)
    var now = QueueBench.start
    do {
      let bench = try QueueBench(try PosixDisk(path: "\(base)/a"), policy: Self.policy)
      bench.take("x")
      now = bench.now
    }
    let repaired = try SpoolRepair.repair(
      from: "\(base)/a", to: "\(base)/b", now: now, salt: 3, host: "gateway")
    #expect(repaired.kept.count == 1)
    let adopted = try SpoolAdoption.adopt(
      from: "\(base)/b", into: "\(base)/c", now: now, salt: 4, host: "gateway")
    #expect(adopted.adopted == repaired.kept && adopted.host == "gateway")
    #expect(throws: QueueError.self) {
      try SpoolRepair.repair(from: "\(base)/a", to: "\(base)/c", now: now, salt: 3, host: "gateway")
    }
  }
}
