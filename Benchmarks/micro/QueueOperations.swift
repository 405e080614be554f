// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import WAL

private let now = Instant(wall: 1_800_000_000_000, monotonic: 0)
/// Messages behind one sync.
private let group = 20

/// Event codec and state fold, over a log in memory: the records of a message's life are coded, folded into the state and
/// put in groups into the log; and read back as at a start. With few messages in the queue and with many: flat is right.
func queueOperations() -> [Operation] {
  let sizes = [1_000, 10_000, 100_000]
  let lives = sizes.map { queued in
    Operation(name: "codec and fold: a life among \(queued)", octets: 0, count: group) {
      let queue = open(MemoryDisk(), fill: queued)
      let content = content(1024)
      return { live(content, queue) }
    }
  }
  let starts = sizes.map { queued in
    Operation(name: "codec and fold: reading back \(queued)", octets: 0, count: queued) {
      let disk = MemoryDisk()
      _ = open(disk, fill: queued)
      return { open(disk, fill: 0).summary(now: now).messages }
    }
  }
  return lives + starts
}

/// A group of messages comes, goes out and is gone. Mail that was deferred is not due, so it stays out of the way.
private func live(_ content: [UInt8], _ queue: MessageQueue) -> Int {
  accept(group, content, queue)
  var done = 0
  while let lease = queue.lease(now: now) {
    let reply = Reply(250, EnhancedStatus(2, 0, 0), "taken")
    let outcomes = lease.recipientIndexes.map { RecipientOutcome(index: $0, result: .delivered, reply: reply) }
    queue.record(outcomes, of: lease, now: now, jitter: 0)
    done += 1
  }
  queue.log.step()
  precondition(done == group, "\(done) messages of \(group) were due")
  return done
}

private final class NobodyWaits: CompletionReceiver {
  func receive(_ completions: [(token: UInt64, completion: Completion)]) {}
}

private func accept(_ count: Int, _ content: [UInt8], _ queue: MessageQueue) {
  let waiter = Waiter(receiver: NobodyWaits(), token: 0)
  for _ in 0..<count {
    let submission = Submission(
      id: queue.makeID(),
      envelope: Envelope(sender: Address("alice@example.org")!, recipients: [Address("bob@example.net")!]),
      origin: Origin(login: "alice", address: "192.0.2.1", helo: "client.test", listener: "submission"),
      prefix: Array("Received: from client.test by bench; Fri, 15 Jan 2027 08:00:00 +0000\r\n".utf8))
    queue.accept(submission, last: content.span.bytes, of: queue.makeDraft(), now: now, notify: waiter)
  }
  queue.log.step()
}

/// A queue with so many messages that were deferred once.
private func open(_ disk: MemoryDisk, fill messages: Int) -> MessageQueue {
  let opened = try? MessageQueue.open(disk: disk, policy: QueuePolicy(), now: now, salt: 1, host: "bench", ready: {})
  guard let queue = opened?.queue else { preconditionFailure("cannot open the queue in memory") }
  let content = content(64)
  let later = Reply(451, EnhancedStatus(4, 3, 0), "try again later")
  for _ in 0..<(messages / 1000) {
    accept(1000, content, queue)
    while let lease = queue.lease(now: now) {
      let outcomes = lease.recipientIndexes.map { RecipientOutcome(index: $0, result: .deferred, reply: later) }
      queue.record(outcomes, of: lease, now: now, jitter: 0)
    }
    queue.log.step()
  }
  return queue
}
