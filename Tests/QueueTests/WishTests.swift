// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import TestKit
import Testing
import WAL

@Suite("A sender is told what he asked for: no more, no less, and once")
struct WishTests {
  private static let policy = QueuePolicy(lifetime: 10 * hour, warnAfter: 2 * hour, segmentOctets: 256 << 10)

  private func submit(
    _ events: [NotificationWish.Events?], returned: NotificationWish.Returned? = nil, to bench: QueueBench
  ) throws -> MessageID {
    let wish = NotificationWish(returned: returned, recipients: events.map { NotificationWish.OfRecipient(events: $0) })
    let id = bench.submit(
      [[0x78]], to: events.indices.map { "r\($0)@example.org" }, notification: wish.isEmpty ? nil : wish)!.id
    bench.settle()
    return id
  }

  private static let wishes: [NotificationWish.Events?] = [
    nil, [], .success, .failure, .delay, [.success, .failure], .usual, .all,
  ]

  @Test(
    "of each event those hear who want to, also after a crash",
    arguments: [
      (RecipientOutcome.Result.failed, Notice.Kind.failed, [0, 3, 5, 6, 7]),
      (.relayed, .relayed, [2, 5, 7]),
      (.deferred, .delayed, [0, 4, 6, 7]),
    ])
  func table(result: RecipientOutcome.Result, kind: Notice.Kind, told: [Int]) throws {
    let bench = try QueueBench(policy: Self.policy)
    let id = try submit(Self.wishes, to: bench)
    bench.pass(3 * hour)
    bench.deliver(result)
    bench.settle()
    // A delay is told by the next deferral after a crash.
    let benches = kind == .delayed ? [bench] : [bench, try bench.restarted(policy: Self.policy)]
    for bench in benches {
      let notice = try bench.notice()
      #expect(notice.id == id && notice.kind == kind && notice.recipients.map(\.index) == told)
      #expect(!bench.hasNotice)
      _ = bench.tell(notice)
      bench.settle()
      #expect(!bench.hasNotice && (bench.queue.view(id) == nil) == (kind != .delayed))
      #expect(try !bench.restarted(policy: Self.policy).hasNotice)
    }
  }

  @Test("one whom nobody hears of is finished at once", arguments: [RecipientOutcome.Result.failed, .relayed])
  func never(result: RecipientOutcome.Result) throws {
    let bench = try QueueBench(policy: Self.policy)
    let id = try submit([[]], to: bench)
    bench.deliver(result)
    bench.settle()
    #expect(bench.queue.view(id) == nil && !bench.hasNotice)
    #expect(try bench.restarted().all.isEmpty)
  }

  @Test("success is for the upstream to tell where it promises to, and nobody hears of it without a sender")
  func success() throws {
    let bench = try QueueBench(policy: Self.policy)
    _ = try submit([.all], to: bench)
    bench.deliver(.delivered)
    _ = bench.submit(
      [[0x78]], from: nil, notification: NotificationWish(recipients: [.init(events: .all)]))
    bench.settle()
    bench.deliver(.relayed)
    bench.settle()
    #expect(bench.all.isEmpty && !bench.hasNotice)
  }

  @Test("an order to give up is told to those who want to hear of failures")
  func bounce() throws {
    let bench = try QueueBench(policy: Self.policy)
    let id = try submit([[], .success, .failure, nil], to: bench)
    _ = bench.queue.bounce([id], reply: bench.reply(.failed), report: true, now: bench.now)
    bench.settle()
    let notice = try bench.notice()
    #expect(notice.recipients.map(\.index) == [2, 3])
    _ = bench.tell(notice)
    bench.settle()
    #expect(bench.queue.view(id) == nil)
  }

  @Test("what was relayed and what failed are two notices of one message, and it waits for both")
  func both() throws {
    let bench = try QueueBench(policy: Self.policy)
    let id = try submit([.success, nil, nil], to: bench)
    let lease = try bench.lease()
    bench.queue.record(
      [
        RecipientOutcome(index: 0, result: .relayed, reply: bench.reply(.relayed)),
        RecipientOutcome(index: 1, result: .failed, reply: bench.reply(.failed)),
        RecipientOutcome(index: 2, result: .delivered, reply: bench.reply(.delivered)),
      ], of: lease, now: bench.now, jitter: 0)
    bench.settle()
    #expect(bench.queue.view(id)?.state == .failed)
    let first = try bench.notice()
    #expect(first.kind == .failed && first.recipients.map(\.index) == [1])
    let second = try bench.notice()
    #expect(second.kind == .relayed && second.recipients.map(\.reply) == [bench.reply(.relayed)])
    _ = bench.tell(first)
    bench.settle()
    #expect(bench.queue.view(id)?.state == .relayed && bench.queue.summary(now: bench.now).relayed == 1)
    #expect(bench.queue.view(id)?.recipients.map(\.state) == [.relayed, .reported, .delivered])
    _ = bench.tell(second)
    bench.settle()
    #expect(bench.queue.view(id) == nil)
  }

  @Test("what was asked for comes with every lease, notice and look at the message")
  func everywhere() throws {
    let bench = try QueueBench(policy: Self.policy)
    let wish = NotificationWish(
      returned: .header, envelopeID: "QQ+2B31",
      recipients: [
        .init(), .init(events: .failure, original: "rfc822;second+40x.example"),
        .init(events: [], original: "utf-8;j\\x{FC}rgen@x.example"),
      ])
    let id = bench.submit(
      [[0x78]], from: "j\u{fc}rgen@b\u{fc}ro.example", to: ["a@x.example", "b@x.example", "c@x.example"],
      isUTF8: true, notification: wish)!.id
    bench.settle()
    for bench in [bench, try bench.restarted()] {
      let lease = try bench.lease()
      #expect(lease.envelope.notification == wish && lease.envelope.isUTF8)
      bench.queue.record(
        lease.recipientIndexes.dropLast().map {
          RecipientOutcome(index: $0, result: .failed, reply: bench.reply(.failed))
        }, of: lease, now: bench.now, jitter: 0)
      bench.settle()
      let rest = try bench.lease()
      #expect(rest.envelope.notification == wish.of([2]))
      bench.queue.release(rest)
      let details = try #require(try bench.queue.details(id))
      #expect(details.notification == wish && details.isUTF8)
      let notice = try bench.notice()
      #expect(notice.envelopeID == "QQ+31" && notice.returned == .header && notice.isUTF8)
      #expect(notice.recipients.map(\.original?.address) == [nil, "second@x.example"])
      #expect(notice.sender.text == "j\u{fc}rgen@b\u{fc}ro.example")
    }
  }
}
