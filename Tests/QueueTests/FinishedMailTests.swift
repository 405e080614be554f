// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import Synchronization
import TestKit
import Testing
import WAL

/// What the queue tells of recipients that are at their end.
@Suite("finished mail")
struct FinishedMailTests {
  final class Memory: FinishedMail {
    private let state = Mutex<[[FinishedMessage]]>([])
    func finished(_ mail: [Ending]) { state.withLock { $0.append(mail.map(\.mail)) } }
    /// A call, with what it told of.
    var calls: [[FinishedMessage]] { state.withLock { $0 } }
    var mail: [FinishedMessage] { calls.flatMap { $0 } }
  }

  private let memory = Memory()

  private func bench(_ policy: QueuePolicy = QueuePolicy(segmentOctets: 256 << 10)) throws -> QueueBench {
    try QueueBench(policy: policy, finishedMail: memory)
  }

  @Test("a message that is delivered is told of once, when that is durable, with the reply that ended it")
  func delivered() throws {
    let bench = try bench()
    let id = bench.take("hello")
    bench.pass(800)
    bench.deliver()
    #expect(memory.calls.isEmpty)
    bench.queue.log.step()
    #expect(
      memory.mail == [
        FinishedMessage(
          id: id, sender: Address("alice@example.com"),
          recipients: [
            FinishedRecipient(
              index: 0, address: Address("bob@example.org")!, state: .sent, attempts: 1,
              reply: Reply(250, EnhancedStatus(2, 0, 0), "ok"), finished: QueueBench.start.wall + 800)
          ],
          size: 5, received: QueueBench.start.wall, submitter: "alice")
      ])
    bench.queue.log.step()
    #expect(memory.calls.count == 1)
  }

  @Test("one sync is one call, however many messages it ends")
  func batch() throws {
    let bench = try bench()
    for number in 0..<5 { bench.take("hello \(number)") }
    for _ in 0..<5 { bench.deliver() }
    bench.queue.log.step()
    #expect(memory.calls.map(\.count) == [5])
  }

  @Test("recipients that end at different times are told of each at its time; a deferral is no end")
  func severalRecipients() throws {
    let bench = try bench()
    bench.take("hello", to: ["bob@example.org", "carol@example.org", "dave@example.org"])
    let lease = try bench.lease()
    bench.queue.record(
      [
        RecipientOutcome(index: 0, result: .delivered, reply: Reply(250, nil, "ok")),
        RecipientOutcome(index: 1, result: .deferred, reply: Reply(451, nil, "later"), isUncertain: true),
        RecipientOutcome(index: 2, result: .failed, reply: Reply(550, nil, "no such user")),
      ], of: lease, now: bench.now, jitter: 0)
    bench.queue.log.step()
    bench.pass(hour)
    bench.deliver()
    bench.queue.log.step()
    #expect(
      memory.mail.map { $0.recipients.map { "\($0.index) \($0.state) \($0.attempts) \($0.isUncertain)" } } == [
        ["0 sent 1 false", "2 failed 1 false"], ["1 sent 2 true"],
      ])
  }

  @Test("what passed its lifetime is expired, what an admin gave up has failed by order; to tell the sender is no end")
  func failures() throws {
    let bench = try bench(QueuePolicy(retry: [1000], lifetime: hour, segmentOctets: 256 << 10))
    bench.take("old")
    bench.pass(2 * hour)
    bench.deliver(.deferred)
    let id = bench.take("unwanted")
    _ = bench.queue.bounce([id], reply: Reply(554, nil, "by the admin"), report: true, now: bench.now)
    bench.queue.log.step()
    #expect(
      memory.mail.map { $0.recipients.map { "\($0.state) \($0.isOrdered)" } } == [["expired false"], ["failed true"]])
    let token = try bench.tell(bench.notice()).token
    bench.queue.log.step()
    #expect(bench.receiver.isAccepted(token))
    // Silence about what had failed before: no end of its own.
    _ = bench.queue.bounce([id], reply: Reply(554, nil, "again"), report: false, now: bench.now)
    bench.queue.log.step()
    #expect(memory.mail.count == 2)
  }
}
