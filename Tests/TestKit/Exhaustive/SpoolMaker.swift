// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import Synchronization
import WAL

/// Fills a spool with a script: what is in it depends on nothing but the numbers of its messages.
final class SpoolMaker {
  static let start = Instant(wall: 1_800_000_000_000, monotonic: 5_000)
  static let policy = QueuePolicy(retry: [60_000], segmentOctets: 24 << 10)

  private let disk: SimulatedDisk
  private let queue: MessageQueue
  private let receiver = Receiver()
  private var token: UInt64 = 0

  init(_ disk: SimulatedDisk) {
    self.disk = disk
    let opened = try! MessageQueue.open(
      disk: disk, policy: Self.policy, now: Self.start, salt: 7, host: "gateway", ready: {})
    queue = opened.queue
  }

  /// Every third has chunks, every fourth two recipients; then one is deferred, held or delivered for a part.
  func add(_ number: Int, isRefused: Bool) {
    var draft = queue.makeDraft()
    let text = Array("content of message \(number)\r\n".utf8)
    if number % 3 == 1 {
      for _ in 0..<2 {
        queue.store(text.span.bytes, in: &draft, notify: waiter())
        queue.log.step()
        guard let extent = receiver.extent(token) else { return }
        draft.stored(extent)
      }
    }
    let recipients = (0...(number % 4 == 2 ? 1 : 0)).map { Address("r\($0).m\(number)@x.example")! }
    let submission = Submission(
      id: queue.makeID(), envelope: Envelope(sender: Address("m\(number)@s.example"), recipients: recipients),
      origin: Origin(login: "user\(number % 2)", address: "192.0.2.1"), prefix: Array("Received: \(number)\r\n".utf8))
    let id = submission.id
    if isRefused {
      // Intact on the platter: nothing but its void keeps it from coming back.
      disk.failSyncs(as: .arrived)
      disk.fail(.sync)
    }
    queue.accept(submission, last: text.span.bytes, of: draft, now: Self.start, notify: waiter())
    queue.log.step()
    switch number % 5 {
    case 1: _ = queue.hold([id], until: nil, by: PeerText("admin"), now: Self.start)
    case 3: deferOne()
    default: break
    }
    queue.log.step()
  }

  private func deferOne() {
    guard let lease = queue.lease(now: Self.start) else { return }
    let reply = Reply(451, EnhancedStatus(4, 3, 0), "later")
    let outcomes = lease.recipientIndexes.map { RecipientOutcome(index: $0, result: .deferred, reply: reply) }
    queue.record(outcomes, of: lease, now: Self.start, jitter: 0)
  }

  private func waiter() -> Waiter {
    token += 1
    return Waiter(receiver: receiver, token: token)
  }

  private final class Receiver: CompletionReceiver {
    private let extents = Mutex<[UInt64: Extent]>([:])

    func receive(_ completions: [(token: UInt64, completion: Completion)]) {
      extents.withLock { extents in
        for (token, completion) in completions { if case .stored(let extent) = completion { extents[token] = extent } }
      }
    }

    func extent(_ token: UInt64) -> Extent? { extents.withLock { $0[token] } }
  }
}
