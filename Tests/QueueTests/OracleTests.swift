// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Queue
import SMTP
import TestKit
import Testing
import WAL

/// What clients, senders and the upstream were told, and what the admin ordered; nothing of what the queue thinks.
private struct Oracle {
  var answers: [String: Answer] = [:]
  /// Recipients for which the upstream has said 250.
  var delivered: [String: Int] = [:]
  /// Refused by the upstream for good, or given up by the admin.
  var failed: Set<String> = []
  /// Failed, and nobody is to be told.
  var silenced: Set<String> = []
  /// Notifications that were delivered or ended otherwise, by what they tell.
  var told: [Telling: Set<MessageID>] = [:]
  var refused: Set<MessageID> = []
  /// Ended by the admin, or to be ended by the time that he gave.
  var erased: Set<String> = []

  enum Answer: Equatable {
    case none, accepted, refused, undecided
  }

  struct Telling: Hashable {
    var name: String
    var kind: String
  }
}

/// Runs a queue against a disk that fails, with clients, an upstream, an admin and a notifier.
private final class Workload {
  let disk: SimulatedDisk
  private(set) var bench: QueueBench
  private(set) var oracle = Oracle()
  private var generator: SeededGenerator
  private var waiting: [UInt64: String] = [:]
  private var tellings: [UInt64: MessageID] = [:]
  private var count = 0
  /// Nothing but mail that is taken and delivered.
  var isPlain = false
  private(set) var notifications = 0

  init(seed: UInt64, disk: SimulatedDisk) throws {
    self.disk = disk
    generator = SeededGenerator(seed: seed)
    bench = try QueueBench(disk, policy: Self.policy, salt: seed)
  }

  static let policy = QueuePolicy(warnAfter: 5 * minute, segmentOctets: 64 << 10)

  /// A message says in its content who it is for, so that a wrong envelope shows.
  func submit() {
    count += 1
    let name = "m\(count)"
    let parts = generator.oneIn(4) ? Int.random(in: 2...4, using: &generator) : 1
    var chunks = (0..<parts).map { _ in generator.octets(Int.random(in: 0...6000, using: &generator)) }
    chunks[0] = Array("\(name)\n".utf8) + chunks[0]
    oracle.answers[name] = Oracle.Answer.none
    let hasSender = !generator.oneIn(6)
    if !hasSender { oracle.silenced.insert(name) }
    let submitted = bench.submit(
      chunks, from: hasSender ? "\(name)@s.example" : nil, to: ["\(name)@x.example"], login: "user\(count % 3)",
      prefix: Array("P".utf8))
    if let submitted { waiting[submitted.token] = name } else { oracle.answers[name] = .refused }
  }

  func attempt() {
    guard let lease = bench.queue.lease(now: bench.now) else { return }
    guard let content = try? bench.content(of: lease) else { return bench.queue.release(lease) }
    let name = name(in: content)
    let isNotification = lease.envelope.sender == nil && content.first != UInt8(ascii: "P")
    #expect(lease.envelope.recipients.map(\.text) == ["\(name)@\(isNotification ? "s" : "x").example"])
    var result = RecipientOutcome.Result.delivered
    if !isPlain, generator.oneIn(3) { result = generator.oneIn(3) ? .failed : .deferred }
    if isNotification {
      if result != .deferred { end(lease.id, name, content) }
    } else if result == .delivered {
      oracle.delivered[name, default: 0] += 1
    } else if result == .failed {
      oracle.failed.insert(name)
    }
    bench.queue.record(
      [RecipientOutcome(index: 0, result: result, reply: bench.reply(result))], of: lease, now: bench.now,
      jitter: generator.next())
  }

  private func end(_ notification: MessageID, _ name: String, _ content: [UInt8]) {
    let kind = content.first == UInt8(ascii: "f") ? "failed" : "delayed"
    oracle.told[Oracle.Telling(name: name, kind: kind), default: []].insert(notification)
  }

  /// Writes what it has to tell, or forgets it.
  func notify() throws {
    guard let notice = try? bench.notice() else { return }
    if generator.oneIn(5) { return }
    let original = try bench.queue.read(0, of: notice.content, mayBlock: true)! + [0x0A]
    // The prefix is alone in the first chunk of a message that has several.
    let name = original.count == 2 ? notice.sender.local.description : self.name(in: original)
    #expect(notice.sender.text == "\(name)@s.example")
    let text = "\(notice.kind == .failed ? "f" : "d")\(name)\n"
    let (id, token) = bench.tell(notice, saying: text)
    tellings[token] = id
    notifications += 1
  }

  func order() {
    let ids = bench.all.map(\.id).filter { _ in generator.oneIn(4) }
    switch Int.random(in: 0..<13, using: &generator) {
    case 0..<3:
      let until = generator.oneIn(2) ? bench.now.wall + Int64.random(in: 0...(5 * minute), using: &generator) : nil
      _ = bench.queue.hold(ids, until: until, by: PeerText("root"), now: bench.now)
    case 3..<6: _ = bench.queue.release(ids, now: bench.now)
    case 6: _ = bench.queue.flush(ids, now: bench.now)
    case 8: drop(ids)
    case 9..<12:
      guard let batch = bench.queue.droppedBatches.randomElement(using: &generator) else { return }
      _ = bench.queue.undrop(batch: batch, now: bench.now)
    case 12:
      guard let id = ids.first else { return }
      erase(id)
      _ = bench.queue.erase([id], now: bench.now)
    default:
      guard let id = ids.first, let view = bench.queue.view(id), view.state != .failed, view.state != .dropped
      else { return }
      let isReported = generator.oneIn(2)
      let name = String(view.recipients[0].address.local)
      if view.recipients[0].address.domain == "s.example" {
        guard let origin = try? bench.queue.details(id)?.origin else { return }
        oracle.told[Oracle.Telling(name: name, kind: origin.listener), default: []].insert(id)
      } else {
        oracle.failed.insert(name)
        if !isReported { oracle.silenced.insert(name) }
      }
      _ = bench.queue.bounce(
        [id], reply: Reply(550, EnhancedStatus(5, 7, 0), "given up"), report: isReported, now: bench.now)
    }
  }

  /// For ever or for a short time, which nobody shortens to a notification.
  private func drop(_ ids: [MessageID]) {
    guard generator.oneIn(3) else {
      _ = bench.queue.drop(ids, keep: 10 * day, by: PeerText("root"), now: bench.now)
      return
    }
    let mail = ids.filter { bench.queue.view($0)?.recipients[0].address.domain == "x.example" }
    for id in mail { erase(id) }
    _ = bench.queue.drop(mail, keep: 5 * minute, by: PeerText("root"), now: bench.now)
  }

  private func erase(_ id: MessageID) {
    guard let address = bench.queue.view(id)?.recipients[0].address else { return }
    let name = String(address.local)
    if address.domain == "x.example" {
      oracle.erased.insert(name)
    } else if let origin = try? bench.queue.details(id)?.origin {
      oracle.told[Oracle.Telling(name: name, kind: origin.listener), default: []].insert(id)
    }
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
    for (token, id) in tellings {
      guard let answer = bench.receiver.answer(token) else { continue }
      tellings[token] = nil
      if case .failed(let failure) = answer, failure != .undecided { oracle.refused.insert(id) }
    }
  }

  func run(_ rounds: Int) throws {
    for _ in 0..<rounds {
      for _ in 0..<Int.random(in: 0...3, using: &generator) { submit() }
      for _ in 0..<Int.random(in: 0...3, using: &generator) { attempt() }
      if !isPlain {
        if generator.oneIn(3) { order() }
        for _ in 0..<Int.random(in: 0...2, using: &generator) { try notify() }
      }
      step()
      if generator.oneIn(2) { _ = try? bench.queue.compact(now: bench.now) }
      bench.pass(Int64.random(in: 0...(2 * minute), using: &generator))
    }
  }

  func restart() throws {
    disk.heal()
    waiting = [:]
    tellings = [:]
    bench = try QueueBench(disk, policy: Self.policy, now: bench.now, salt: generator.next())
  }

  /// Everything that was promised is delivered, told of or still there; nothing refused is there.
  func check(_ comment: Comment) throws {
    #expect(bench.report.damages.isEmpty && bench.report.quarantined.isEmpty, comment)
    var there: Set<String> = []
    var told = oracle.told
    for view in bench.all {
      let address = view.recipients[0].address
      let name = String(address.local)
      #expect(view.state != .quarantined, comment)
      if address.domain == "s.example" {
        #expect(!oracle.refused.contains(view.id), "\(comment): a notification was refused and is there")
        let kind = try #require(try bench.queue.details(view.id)).origin.listener
        told[Oracle.Telling(name: name, kind: kind), default: []].insert(view.id)
      } else {
        #expect(there.insert(name).inserted, comment)
      }
    }
    for (telling, ids) in told {
      #expect(ids.count == 1, "\(comment): \(telling) was told \(ids.count) times")
      guard telling.kind == "failed" else { continue }
      #expect(oracle.failed.contains(telling.name), "\(comment): \(telling.name) was told of and did not fail")
      #expect(!there.contains(telling.name), "\(comment): \(telling.name) was told of and is there")
    }
    for (name, answer) in oracle.answers {
      switch answer {
      case .accepted:
        let isTold = told[Oracle.Telling(name: name, kind: "failed")] != nil
        let isSilenced = oracle.silenced.contains(name) && oracle.failed.contains(name)
        let isKnown =
          there.contains(name) || oracle.delivered[name] != nil || isTold || isSilenced
          || oracle.erased.contains(name)
        #expect(isKnown, "\(comment): \(name) is lost")
      case .refused:
        #expect(!there.contains(name) && oracle.delivered[name] == nil, "\(comment): \(name) was refused and is there")
      case .none, .undecided: break
      }
    }
    #expect(there.isSubset(of: oracle.answers.keys), comment)
  }

  /// Ends everything by delivery or by telling, and checks that content is whole.
  func drain(_ comment: Comment) throws {
    isPlain = true
    for batch in bench.queue.droppedBatches { _ = bench.queue.undrop(batch: batch, now: bench.now) }
    _ = bench.queue.release(bench.all.map(\.id), now: bench.now)
    bench.pass(day)
    for _ in 0..<1_000 where !bench.all.isEmpty {
      while bench.hasNotice { try notify() }
      for _ in 0..<100 { attempt() }
      step()
    }
    bench.settle()
    #expect(bench.all.isEmpty, comment)
    try check(comment)
  }

  private func name(in content: [UInt8]) -> String {
    String(decoding: content.dropFirst().prefix { $0 != 0x0A }, as: UTF8.self)
  }
}

@Suite struct OracleTests {
  @Test("power cut or kill after any run: every acceptance is there, nothing refused is there, and twice the same")
  func crashes() throws {
    var notifications = 0
    for seed in 0..<150 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      let work = try Workload(seed: seed, disk: disk)
      for round in 0..<3 {
        try work.run(6)
        if (seed + UInt64(round)) % 3 == 0 { disk.kill() } else { disk.crash(seed: seed &* 31 &+ UInt64(round)) }
        try work.restart()
        try work.check("seed \(seed), round \(round)")
        let first = work.bench.all
        disk.kill()
        try work.restart()
        #expect(work.bench.all.map(\.id) == first.map(\.id), "seed \(seed), round \(round)")
      }
      try work.drain("seed \(seed)")
      #expect(work.bench.queue.log.segments.count <= 2, "seed \(seed): segments that nothing needs are gone")
      notifications += work.notifications
    }
    #expect(notifications > 300, "the seeds make something fail")
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
      work.isPlain = operation == .remove
      try work.run(operation == .remove ? 40 : 12)
      if disk.count(operation) < nth { break }
      if nth % 3 == 0 {
        // It recovers by itself.
        disk.heal()
        try work.run(2)
      }
      if nth % 2 == 0 { disk.kill() } else { disk.crash(seed: UInt64(nth)) }
      try work.restart()
      try work.check("\(operation) \(nth)")
      try work.run(2)
      try work.check("\(operation) \(nth), later")
      disk.kill()
      try work.restart()
      try work.drain("\(operation) \(nth), at last")
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
    let disk = bench.simulatedDisk
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
