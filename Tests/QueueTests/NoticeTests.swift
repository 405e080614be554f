// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import TestKit
import Testing
import WAL

@Suite("Who could not be served is told once, and never nobody")
struct NoticeTests {
  @Test("one record accepts the notification and ends what it reports")
  func oneRecord() throws {
    let bench = try QueueBench()
    let id = bench.take("x", to: ["a@x.example", "b@x.example"])
    bench.deliver(.failed)
    #expect(try bench.queue.nextNotice(now: bench.now) == nil, "nobody is told of what is not durable")
    bench.queue.log.step()
    guard let notice = try bench.queue.nextNotice(now: bench.now) else { return }
    #expect(notice.id == id && notice.kind == .failed && notice.sender.text == "alice@example.com")
    #expect(notice.recipients.map(\.index) == [0, 1] && notice.recipients.map(\.reply?.code) == [550, 550])
    #expect(notice.origin.login == "alice" && notice.received == QueueBench.start.wall)
    #expect(try bench.queue.read(0, of: notice.content, mayBlock: true) == [0x78])
    #expect(try bench.queue.nextNotice(now: bench.now) == nil, "it is given once")
    let (dsn, token) = bench.tell(notice)
    #expect(bench.queue.view(id)?.state == .failed)
    bench.queue.log.step()
    #expect(bench.receiver.isAccepted(token))
    for bench in [bench, try bench.restarted()] {
      #expect(try bench.all.map(\.id) == [dsn] && bench.queue.nextNotice(now: bench.now) == nil)
      #expect(bench.deliver(.failed) == dsn)
      bench.queue.log.step()
      #expect(try bench.all.isEmpty && bench.queue.nextNotice(now: bench.now) == nil, "no bounce of a bounce")
    }
  }

  @Test(
    "a bounce by an admin fails what is left and is told with his reply, or not told at all", arguments: [true, false])
  func bounce(isReported: Bool) throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    let reply = Reply(550, EnhancedStatus(5, 7, 0), "returned by the administrator")
    #expect(bench.queue.bounce([id, MessageID(number: 77)], reply: reply, report: isReported, now: bench.now) == 1)
    #expect(bench.queue.view(id)?.state == (isReported ? .failed : nil))
    bench.queue.log.step()
    for bench in [bench, try bench.restarted()] {
      #expect(bench.deliver() == nil)
      guard isReported else {
        #expect(bench.all.isEmpty)
        continue
      }
      #expect(try bench.queue.details(id)?.replies.map(\.reply) == [reply])
      guard let notice = try bench.queue.nextNotice(now: bench.now) else { throw QueueBench.NothingReady() }
      #expect(notice.recipients.map(\.reply) == [reply] && notice.recipients.allSatisfy(\.isBounced))
    }
  }

  @Test(
    "a crash between the failure and the notification's acceptance: told once in the end", arguments: [false, true])
  func crash(isPowerCut: Bool) throws {
    var found: Set<Bool> = []
    for seed in 0..<40 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      var bench = try QueueBench(disk)
      let id = bench.take("x")
      bench.deliver(.failed)
      bench.queue.log.step()
      // The acceptance is written, and perhaps half of it arrives.
      _ = bench.tell(try bench.notice())
      disk.fail(.sync)
      disk.fail(.create, count: .max)
      bench.queue.log.step()
      if isPowerCut { disk.crash(seed: seed) } else { disk.kill() }
      disk.heal()
      bench = try QueueBench(disk, now: bench.now, salt: 12)
      let told = bench.all.filter { $0.sender == nil }
      found.insert(told.isEmpty)
      #expect(told.isEmpty == bench.hasNotice, "seed \(seed)")
      #expect((bench.queue.view(id) != nil) == told.isEmpty, "seed \(seed)")
      if told.isEmpty {
        #expect(bench.noticeCalls.count == 1, "recovery says that somebody is to be told")
        _ = bench.tell(try bench.notice())
        bench.queue.log.step()
      }
      #expect(bench.all.count == 1 && !bench.hasNotice, "seed \(seed)")
    }
    // After a kill memory still shows it; but its sync has failed, so it is not trusted.
    #expect(found == (isPowerCut ? [true, false] : [true]), "the seeds try both")
  }

  @Test("a notification that is refused by the disk does not exist, and its notice is given again")
  func voided() throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    bench.deliver(.failed)
    bench.queue.log.step()
    let (lost, token) = bench.tell(try bench.notice())
    #expect(!bench.hasNotice, "while nobody knows")
    let calls = bench.noticeCalls.count
    bench.simulatedDisk.fail(.sync)
    bench.queue.log.step()
    #expect(bench.receiver.failure(token) == .refused && bench.noticeCalls.count == calls + 1)
    #expect(bench.queue.view(lost) == nil && bench.queue.view(id)?.state == .failed && bench.hasNotice)
    let (dsn, _) = bench.tell(try bench.notice())
    bench.queue.log.step()
    for bench in [bench, try bench.restarted()] { #expect(bench.all.map(\.id) == [dsn] && !bench.hasNotice) }
  }

  @Test("one that is dropped is given again, behind those that wait")
  func dropped() throws {
    let bench = try QueueBench()
    let ids = [bench.take("x"), bench.take("y")]
    for _ in ids { bench.deliver(.failed) }
    bench.queue.log.step()
    do {
      let first = try bench.notice()
      #expect(first.id == ids[0])
    }
    let second = try bench.notice()
    let again = try bench.notice()
    #expect(second.id == ids[1] && again.id == ids[0] && !bench.hasNotice)
  }

  @Test("what fails while a notice is out is told by the next one")
  func twoFailures() throws {
    let bench = try QueueBench()
    let id = bench.take("x", to: ["a@x.example", "b@x.example", "c@x.example"])
    let lease = try bench.lease()
    bench.queue.record(
      [
        RecipientOutcome(index: 0, result: .failed, reply: bench.reply(.failed)),
        RecipientOutcome(index: 1, result: .deferred, reply: bench.reply(.deferred)),
        RecipientOutcome(index: 2, result: .delivered, reply: bench.reply(.delivered)),
      ], of: lease, now: bench.now, jitter: 0)
    bench.queue.log.step()
    let first = try bench.notice()
    bench.pass(minute)
    bench.deliver(.failed)
    bench.queue.log.step()
    #expect(first.recipients.map(\.index) == [0] && !bench.hasNotice)
    let calls = bench.noticeCalls.count
    _ = bench.tell(first)
    bench.queue.log.step()
    #expect(bench.noticeCalls.count == calls + 1)
    #expect(bench.queue.view(id)?.recipients.map(\.state) == [.reported, .failed, .delivered])
    for bench in [bench, try bench.restarted()] {
      let second = try bench.notice()
      #expect(second.recipients.map(\.index) == [1] && second.recipients[0].attempts == 2)
      #expect(second.recipients[0].wall == QueueBench.start.wall + minute)
      _ = bench.tell(second)
      bench.queue.log.step()
      #expect(bench.queue.view(id) == nil && !bench.hasNotice)
      #expect(try bench.restarted().queue.view(id) == nil, "that it was told is in the log")
    }
  }

  @Test("of two failures only the durable one is told, and neither with the reply of an earlier attempt")
  func durableOnly() throws {
    let bench = try QueueBench()
    let id = bench.take("x", to: ["a@x.example", "b@x.example"])
    bench.deliver(.deferred)
    bench.queue.log.step()
    bench.pass(hour)
    let lease = try bench.lease()
    bench.queue.record(
      [
        RecipientOutcome(index: 0, result: .failed, reply: bench.reply(.failed)),
        RecipientOutcome(index: 1, result: .deferred, reply: bench.reply(.deferred)),
      ], of: lease, now: bench.now, jitter: 0)
    bench.queue.log.step()
    bench.pass(hour)
    #expect(bench.deliver(.failed) == id)
    do {
      let notice = try bench.notice()
      #expect(notice.recipients.map(\.index) == [0] && notice.recipients[0].reply == bench.reply(.failed))
    }
    bench.queue.log.step()
    let notice = try bench.notice()
    #expect(notice.recipients.map(\.reply) == [bench.reply(.failed), bench.reply(.failed)])
  }

  @Test("expiry is told as such")
  func expired() throws {
    let bench = try QueueBench()
    bench.take("x")
    bench.pass(5 * day + 1)
    bench.deliver(.deferred)
    bench.queue.log.step()
    let notice = try bench.notice()
    #expect(notice.kind == .failed && notice.recipients[0].isExpired)
    #expect(notice.recipients[0].reply?.status == EnhancedStatus(4, 4, 7))
  }

  @Test("nobody is told of a message with the null sender, whatever ends it")
  func nullSender() throws {
    let bench = try QueueBench(policy: QueuePolicy(warnAfter: 1))
    func take() -> MessageID {
      let id = bench.submit([[1]], from: nil)!.id
      bench.queue.log.step()
      return id
    }
    let reply = Reply(550, EnhancedStatus(5, 7, 0), "no")
    let ends: [(MessageID) -> Void] = [
      { _ in bench.deliver(.failed) },
      { _ in
        bench.pass(2 * day)
        bench.deliver(.deferred)
        bench.pass(6 * day)
        bench.deliver(.deferred)
      },
      { _ = bench.queue.bounce([$0], reply: reply, report: true, now: bench.now) },
    ]
    for end in ends {
      let id = take()
      end(id)
      bench.queue.log.step()
      #expect(bench.queue.view(id) == nil && !bench.hasNotice && bench.noticeCalls.count == 0)
      #expect(try bench.restarted().all.isEmpty)
    }
  }

  @Test("a delay is told once, at the first deferral that is late enough, and durable with its notification")
  func delayed() throws {
    let policy = QueuePolicy(warnAfter: 4 * hour, segmentOctets: 256 << 10)
    var bench = try QueueBench(policy: policy)
    let id = bench.take("x", to: ["a@x.example", "b@x.example"])
    bench.deliver(.deferred)
    bench.pass(4 * hour - 1)
    bench.queue.log.step()
    #expect(!bench.hasNotice)
    bench.deliver(.deferred)
    bench.queue.log.step()
    #expect(!bench.hasNotice, "a millisecond too early")
    bench.pass(hour)
    #expect(!bench.hasNotice, "only a deferral tells of a delay")
    bench.deliver(.deferred)
    bench.queue.log.step()
    #expect(bench.noticeCalls.count == 1)
    // Lost with the process: the next deferral tells again.
    bench = try bench.restarted(policy: policy)
    #expect(!bench.hasNotice)
    bench.pass(hour)
    bench.deliver(.deferred)
    bench.queue.log.step()
    let notice = try bench.notice()
    #expect(
      notice.kind == .delayed && notice.recipients.map(\.index) == [0, 1] && notice.expires == notice.received + 5 * day
    )
    #expect(notice.recipients.map(\.reply) == [bench.reply(.deferred), bench.reply(.deferred)])
    let (dsn, _) = bench.tell(notice)
    bench.queue.log.step()
    #expect(bench.deliver() == dsn)
    bench.queue.log.step()
    for bench in [bench, try bench.restarted(policy: policy)] {
      #expect(bench.queue.view(id)?.state == .deferred)
      bench.pass(5 * hour)
      bench.deliver(.deferred)
      bench.queue.log.step()
      #expect(!bench.hasNotice, "once")
    }
  }

  @Test("a message that is delivered while its delay is being told can still be read, and is gone afterwards")
  func deliveredMeanwhile() throws {
    let bench = try QueueBench(policy: QueuePolicy(warnAfter: 1, segmentOctets: 64 << 10))
    let id = bench.take("content")
    bench.pass(hour)
    bench.deliver(.deferred)
    bench.queue.log.step()
    var notice: Notice? = try bench.notice()
    bench.pass(hour)
    #expect(bench.deliver() == id)
    let filler = String(repeating: "x", count: 30_000)
    for _ in 0..<6 {
      bench.take(filler)
      bench.deliver()
      bench.queue.log.step()
    }
    #expect(bench.queue.view(id) == nil && bench.queue.log.segments.first == 1)
    if let notice { #expect(try bench.queue.read(0, of: notice.content, mayBlock: true) == Array("content".utf8)) }
    notice = nil
    #expect(!bench.hasNotice)
    bench.take(filler)
    bench.deliver()
    bench.queue.log.step()
    #expect(bench.queue.log.segments.first != 1)
  }

  @Test("a bounce fails what is left, but neither what was delivered nor what is being sent")
  func partialBounce() throws {
    let bench = try QueueBench()
    let id = bench.take("x", to: ["a@x.example", "b@x.example", "c@x.example", "d@x.example"])
    let outcomes: [RecipientOutcome.Result] = [.delivered, .failed, .deferred]
    let lease = try bench.lease()
    bench.queue.record(
      outcomes.enumerated().map { RecipientOutcome(index: $0, result: $1, reply: bench.reply($1)) }, of: lease,
      now: bench.now, jitter: 0)
    bench.queue.log.step()
    let second = try bench.lease()
    #expect(second.recipientIndexes == [3])
    let reply = Reply(550, EnhancedStatus(5, 7, 0), "given up by root")
    #expect(bench.queue.bounce([id], reply: reply, report: true, now: bench.now) == 1)
    #expect(bench.queue.bounce([id], reply: reply, report: true, now: bench.now) == 0, "nothing is left to bounce")
    #expect(bench.queue.view(id)?.recipients.map(\.state) == [.delivered, .failed, .failed, .sending])
    bench.queue.record(
      [RecipientOutcome(index: 3, result: .delivered, reply: bench.reply(.delivered))], of: second, now: bench.now,
      jitter: 0)
    bench.queue.log.step()
    for bench in [bench, try bench.restarted()] {
      #expect(bench.queue.view(id)?.recipients.map(\.state) == [.delivered, .failed, .failed, .delivered])
      let notice = try bench.notice()
      #expect(notice.recipients.map(\.reply) == [bench.reply(.failed), reply])
      #expect(notice.recipients.map(\.index) == [1, 2] && notice.recipients.map(\.attempts) == [1, 1])
    }
    // Without a report it takes with it what had failed before.
    #expect(bench.queue.bounce([id], reply: reply, report: false, now: bench.now) == 1)
    bench.queue.log.step()
    #expect(try bench.all.isEmpty && !bench.hasNotice && bench.restarted().all.isEmpty)
  }

  @Test("rotten records do not keep the sender from being told")
  func damaged() throws {
    let bench = try QueueBench()
    let disk = bench.simulatedDisk
    let id = bench.take("content that rots")
    bench.deliver(.failed)
    bench.queue.log.step()
    disk.flip("00000001.wal", offset: 4096 + 40 + 130, bit: 3)
    disk.flip("00000001.wal", offset: 8192 + 40 + 12, bit: 3)
    let notice = try bench.notice()
    #expect(notice.id == id && notice.sender.text == "alice@example.com")
    #expect(notice.recipients.map(\.reply) == [nil] && notice.origin == Origin(address: ""))
    #expect(throws: ContentError.self) { try bench.queue.read(0, of: notice.content, mayBlock: true) }
    #expect(bench.queue.view(id)?.state == .failed)
    _ = bench.tell(notice)
    bench.queue.log.step()
    #expect(bench.queue.view(id) == nil)
  }

  @Test("a disk that cannot be read now is an error, and the notice waits")
  func unreadable() throws {
    let bench = try QueueBench()
    bench.take("x")
    bench.deliver(.failed)
    bench.queue.log.step()
    bench.simulatedDisk.fail(.read)
    #expect(throws: QueueError.self) { _ = try bench.queue.nextNotice(now: bench.now) != nil }
    #expect(bench.hasNotice)
  }

  @Test("a notification ends its recipients also where the record of their failure has rotted away")
  func failureLost() throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    bench.deliver(.failed)
    bench.queue.log.step()
    let (dsn, _) = bench.tell(try bench.notice())
    bench.queue.log.step()
    bench.simulatedDisk.flip("00000001.wal", offset: 8192 + 40 + 20, bit: 0)
    let next = try bench.restarted()
    #expect(next.report.damages.map(\.message) == [id])
    #expect(next.all.map(\.id) == [dsn], "it is not tried again behind the sender's back")
  }
}
