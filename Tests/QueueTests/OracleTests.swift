// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Queue
import SMTP
import TestKit
import Testing
import WAL

/// Runs a queue against a disk that fails and remembers only what its clients and the upstream were told.
private struct Oracle {
  var answers: [String: Answer] = [:]
  /// Recipients for which the upstream has said 250.
  var delivered: [String: Int] = [:]

  enum Answer: Equatable {
    case none, accepted, refused, undecided
  }
}

private final class Workload {
  let disk: SimulatedDisk
  private(set) var bench: QueueBench
  private(set) var oracle = Oracle()
  private var generator: SeededGenerator
  private var waiting: [UInt64: String] = [:]
  private var count = 0
  var deferralOneIn = 3

  init(seed: UInt64, disk: SimulatedDisk) throws {
    self.disk = disk
    generator = SeededGenerator(seed: seed)
    bench = try QueueBench(disk, policy: Self.policy, salt: seed)
  }

  static let policy = QueuePolicy(segmentOctets: 64 << 10)

  /// A message says in its content who it is for, so that a wrong envelope shows.
  func submit() {
    count += 1
    let name = "m\(count)"
    let parts = generator.oneIn(4) ? Int.random(in: 2...4, using: &generator) : 1
    var chunks = (0..<parts).map { _ in generator.octets(Int.random(in: 0...6000, using: &generator)) }
    chunks[0] = Array("\(name)\n".utf8) + chunks[0]
    oracle.answers[name] = Oracle.Answer.none
    let submitted = bench.submit(
      chunks, to: ["\(name)@x.example"], login: "user\(count % 3)", prefix: Array("P".utf8))
    if let submitted { waiting[submitted.token] = name } else { oracle.answers[name] = .refused }
  }

  func attempt() {
    guard let lease = bench.queue.lease(now: bench.now) else { return }
    guard let content = try? bench.content(of: lease) else { return bench.queue.release(lease) }
    let name = name(in: content)
    #expect(lease.envelope.recipients.map(\.text) == ["\(name)@x.example"])
    let result: RecipientOutcome.Result = generator.oneIn(deferralOneIn) ? .deferred : .delivered
    if result == .delivered { oracle.delivered[name, default: 0] += 1 }
    bench.queue.record(
      [RecipientOutcome(index: 0, result: result, reply: bench.reply(result))], of: lease, now: bench.now,
      jitter: generator.next())
  }

  func step() {
    bench.queue.log.step(mayLinger: generator.oneIn(3))
    for (token, name) in waiting {
      guard bench.receiver.hasAnswer(token) else { continue }
      waiting[token] = nil
      switch bench.receiver.answer(token) {
      case .accepted: oracle.answers[name] = .accepted
      case .failed(.undecided): oracle.answers[name] = .undecided
      case .failed: oracle.answers[name] = .refused
      default: Issue.record("not exactly one answer for \(name)")
      }
    }
  }

  func run(_ rounds: Int) {
    for _ in 0..<rounds {
      for _ in 0..<Int.random(in: 0...3, using: &generator) { submit() }
      for _ in 0..<Int.random(in: 0...3, using: &generator) { attempt() }
      step()
      bench.pass(Int64.random(in: 0...(2 * minute), using: &generator))
    }
  }

  func restart() throws {
    disk.heal()
    waiting = [:]
    bench = try QueueBench(disk, policy: Self.policy, now: bench.now, salt: generator.next())
  }

  /// Everything that was promised is delivered or still there; nothing refused is there.
  func check(_ comment: Comment) throws {
    #expect(bench.report.damages.isEmpty && bench.report.quarantined.isEmpty, comment)
    var there: Set<String> = []
    for view in bench.all {
      let text = view.recipients[0].address.text
      #expect(there.insert(String(text.dropLast("@x.example".count))).inserted, comment)
      #expect(view.state != .quarantined, comment)
    }
    for (name, answer) in oracle.answers {
      switch answer {
      case .accepted: #expect(there.contains(name) || oracle.delivered[name] != nil, "\(comment): \(name) is lost")
      case .refused: #expect(!there.contains(name), "\(comment): \(name) was refused and is there")
      case .none, .undecided: break
      }
    }
    for (name, answer) in oracle.answers where answer == .refused {
      #expect(oracle.delivered[name] == nil, "\(comment): \(name) was refused and delivered")
    }
    #expect(there.isSubset(of: oracle.answers.keys), comment)
  }

  /// Delivers everything and checks that its content is whole.
  func drain() throws {
    bench.pass(day)
    while let lease = bench.queue.lease(now: bench.now) {
      let name = name(in: try bench.content(of: lease))
      #expect(lease.envelope.recipients.map(\.text) == ["\(name)@x.example"])
      bench.queue.record(
        [RecipientOutcome(index: 0, result: .delivered, reply: bench.reply(.delivered))], of: lease, now: bench.now,
        jitter: 0)
    }
    bench.queue.log.step()
    #expect(bench.all.isEmpty)
  }

  private func name(in content: [UInt8]) -> String {
    String(decoding: content.dropFirst().prefix { $0 != 0x0A }, as: UTF8.self)
  }
}

@Suite struct OracleTests {
  @Test("power cut or kill after any run: every acceptance is there, nothing refused is there, and twice the same")
  func crashes() throws {
    for seed in 0..<150 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      let work = try Workload(seed: seed, disk: disk)
      for round in 0..<3 {
        work.run(6)
        if (seed + UInt64(round)) % 3 == 0 { disk.kill() } else { disk.crash(seed: seed &* 31 &+ UInt64(round)) }
        try work.restart()
        try work.check("seed \(seed), round \(round)")
        let first = work.bench.all
        disk.kill()
        try work.restart()
        #expect(work.bench.all.map(\.id) == first.map(\.id), "seed \(seed), round \(round)")
      }
      try work.drain()
      #expect(work.bench.queue.log.segments.count <= 2, "seed \(seed): segments that nothing needs are gone")
    }
  }

  @Test(
    "the n-th call of each kind fails, for every n, with a crash behind it",
    arguments: [
      (.sync, EIO, 1), (.sync, EIO, 4), (.write, EIO, 1), (.write, ENOSPC, 1), (.write, ENOSPC, 9),
      (.create, ENOSPC, 1),
      (.create, ENOSPC, 3), (.syncDirectory, EIO, 1), (.remove, EIO, 1),
    ] as [(SimulatedDisk.Operation, Int32, Int)])
  func everyCall(operation: SimulatedDisk.Operation, code: Int32, count: Int) throws {
    var nth = 1
    while true {
      let disk = SimulatedDisk(seed: UInt64(nth))
      let work = try Workload(seed: 42, disk: disk)
      disk.fail(operation, nth: nth, count: count, with: .error(code))
      // Segments go only when much is finished.
      if operation == .remove { work.deferralOneIn = 1000 }
      work.run(operation == .remove ? 40 : 12)
      if disk.count(operation) < nth { break }
      if nth % 3 == 0 {
        // It recovers by itself.
        disk.heal()
        work.run(2)
      }
      if nth % 2 == 0 { disk.kill() } else { disk.crash(seed: UInt64(nth)) }
      try work.restart()
      try work.check("\(operation) \(nth)")
      work.run(2)
      try work.check("\(operation) \(nth), later")
      disk.kill()
      try work.restart()
      try work.drain()
      nth += 1
    }
    #expect(nth > 1)
  }

  @Test("a full disk refuses mail with full, keeps what it has, and takes mail again when there is room")
  func fullDisk() throws {
    let disk = SimulatedDisk()
    let bench = try QueueBench(disk, policy: QueuePolicy(segmentOctets: 128 << 10))
    let filler = [UInt8](repeating: 1, count: 50_000)
    for _ in 0..<2 { _ = bench.submit([filler]) }
    bench.queue.log.step()
    disk.fail(.create, count: .max, with: .error(ENOSPC))
    let (_, token) = bench.submit([filler])!
    bench.queue.log.step()
    #expect(bench.receiver.failure(token) == .full)
    #expect(bench.deliver() != nil)
    bench.queue.log.step()
    #expect(try bench.restarted().all.count == 1, "an outcome still finds a place")
    disk.heal()
    let (_, later) = bench.submit([filler])!
    bench.queue.log.step()
    #expect(bench.receiver.isAccepted(later))
  }

  @Test("outcomes wait in memory while nothing can be written, and are durable when something can")
  func outcomesWait() throws {
    let disk = SimulatedDisk()
    let bench = try QueueBench(disk)
    let first = bench.take("first")
    let second = bench.take("second")
    disk.fail(.sync, count: .max)
    #expect(bench.deliver() == first)
    bench.queue.log.step()
    let (_, token) = bench.submit([[1]])!
    bench.queue.log.step()
    #expect(bench.receiver.failure(token) == .undecided)
    #expect(bench.deliver(.failed) == second, "delivery goes on")
    bench.queue.log.step()
    disk.heal()
    bench.queue.log.step()
    disk.crash(seed: 1)
    let next = try QueueBench(disk)
    #expect(next.queue.view(first) == nil)
    #expect(next.queue.view(second)?.state == .failed)
  }

  @Test("the head of the log goes when nothing lives in it, and what it knew is not forgotten")
  func headGoes() throws {
    let bench = try QueueBench(policy: QueuePolicy(segmentOctets: 128 << 10))
    let disk = bench.disk as! SimulatedDisk
    bench.queue.extendLifetimes(by: 10 * day)
    let filler = [UInt8](repeating: 1, count: 60_000)
    var last: MessageID?
    for _ in 0..<20 {
      last = bench.submit([filler, filler, [1]])!.id
      bench.queue.log.step()
      bench.deliver()
      bench.queue.log.step()
    }
    #expect(bench.queue.log.segments.count <= 2)
    #expect(disk.names.count == bench.queue.log.segments.count)
    let next = try bench.restarted()
    #expect(next.all.isEmpty && next.report.damages.isEmpty)
    #expect(next.take("x").number > last!.number)
  }
}
