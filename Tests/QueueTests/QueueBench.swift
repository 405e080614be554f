// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import Synchronization
import TestKit
import WAL

/// Writes down what the queue answers.
final class RecordingReceiver: CompletionReceiver {
  private let state = Mutex<(completions: [UInt64: [Completion]], calls: Int)>(([:], 0))

  func receive(_ completions: [(token: UInt64, completion: Completion)]) {
    state.withLock { state in
      state.calls += 1
      for (token, completion) in completions { state.completions[token, default: []].append(completion) }
    }
  }

  var calls: Int { state.withLock { $0.calls } }

  /// Fails an expectation by being nil if there was not exactly one answer.
  func answer(_ token: UInt64) -> Completion? {
    state.withLock { state in
      let answers = state.completions[token] ?? []
      return answers.count == 1 ? answers[0] : nil
    }
  }

  func hasAnswer(_ token: UInt64) -> Bool { state.withLock { $0.completions[token] != nil } }

  func isAccepted(_ token: UInt64) -> Bool {
    if case .accepted = answer(token) { true } else { false }
  }

  func failure(_ token: UInt64) -> StorageFailure? {
    if case .failed(let failure) = answer(token) { failure } else { nil }
  }
}

let minute: Int64 = 60_000
let hour = 60 * minute
let day = 24 * hour

/// A queue on a simulated disk with a clock by hand.
final class QueueBench {
  let disk: any Disk
  let queue: MessageQueue
  let report: RecoveryReport
  let receiver = RecordingReceiver()
  let readyCalls = Counter()
  let noticeCalls = Counter()
  let compactionCalls = Counter()
  var now: Instant
  private var lastToken: UInt64 = 0

  final class Counter: Sendable {
    private let value = Mutex(0)
    func add() { value.withLock { $0 += 1 } }
    var count: Int { value.withLock { $0 } }
  }

  static let start = Instant(wall: 1_800_000_000_000, monotonic: 5_000)

  init(
    _ disk: any Disk = SimulatedDisk(), policy: QueuePolicy = QueuePolicy(segmentOctets: 256 << 10),
    now: Instant = QueueBench.start, salt: UInt64 = 11, finishedMail: (any FinishedMail)? = nil
  ) throws {
    self.disk = disk
    self.now = now
    let counter = readyCalls
    let notices = noticeCalls
    let compactions = compactionCalls
    (queue, report) = try MessageQueue.open(
      disk: disk, policy: policy, now: now, salt: salt, host: "gateway", finishedMail: finishedMail,
      ready: { counter.add() }, noticesDue: { notices.add() },
      compactionDue: { compactions.add() })
  }

  func pass(_ milliseconds: Int64) { now = now.advanced(by: milliseconds) }

  /// As a dispatcher lives that has nothing to send: it asks when it is told to, and the disk takes what there is.
  func live(_ milliseconds: Int64) {
    let end = now.monotonic + milliseconds
    repeat {
      pass(min(end, max(now.monotonic + 1, queue.nextDue(now: now) ?? end)) - now.monotonic)
      _ = queue.readyCount(now: now)
      queue.log.step()
    } while now.monotonic < end
  }

  func token() -> UInt64 {
    lastToken += 1
    return lastToken
  }

  /// Stores all but the last chunk, each with a step, and accepts; nil if a chunk could not be stored.
  func submit(
    _ chunks: [[UInt8]], from sender: String? = "alice@example.com", to recipients: [String] = ["bob@example.org"],
    login: String = "alice", prefix: [UInt8] = [], isUTF8: Bool = false, notification: NotificationWish? = nil
  ) -> (id: MessageID, token: UInt64)? {
    var draft = queue.makeDraft()
    for chunk in chunks.dropLast() {
      let token = token()
      queue.store(chunk.span.bytes, in: &draft, notify: Waiter(receiver: receiver, token: token))
      queue.log.step()
      guard case .stored(let extent) = receiver.answer(token) else {
        queue.abandon(draft)
        return nil
      }
      draft.stored(extent)
    }
    let token = token()
    let id = queue.makeID()
    let submission = Submission(
      id: id,
      envelope: Envelope(
        sender: sender.map { Address($0)! }, recipients: recipients.map { Address($0)! }, isUTF8: isUTF8,
        notification: notification),
      origin: Origin(login: login, address: "192.0.2.1", helo: "printer", listener: "submission"), prefix: prefix)
    let last = chunks.last!
    queue.accept(
      submission, last: last.span.bytes, of: draft, now: now, notify: Waiter(receiver: receiver, token: token))
    return (id, token)
  }

  /// Submits and makes durable.
  @discardableResult
  func take(_ content: String, to recipients: [String] = ["bob@example.org"], login: String = "alice") -> MessageID {
    let (id, _) = submit([Array(content.utf8)], to: recipients, login: login)!
    queue.log.step()
    return id
  }

  /// Until the log has nothing to write any more.
  func settle() {
    repeat { queue.log.step() } while queue.log.hasOpenBatch
  }

  /// What a compactor does until there is nothing left to do; returns what it was told last.
  @discardableResult
  func compact() throws -> CompactionProgress {
    for _ in 0..<10_000 {
      let progress = try queue.compact(now: now)
      settle()
      if progress != .underWay { return progress }
    }
    return .underWay
  }

  struct NothingReady: Error {}

  func notice() throws -> Notice {
    guard let notice = try queue.nextNotice(now: now) else { throw NothingReady() }
    return notice
  }

  var hasNotice: Bool { (try? notice()) != nil }

  /// Every notice that there is, given back afterwards.
  func visitNotices(_ visit: (borrowing Notice) throws -> Void) throws {
    var held: [HeldNotice] = []
    while let notice = try queue.nextNotice(now: now) { held.append(HeldNotice(notice)) }
    for holder in held { try visit(holder.notice) }
  }

  private final class HeldNotice {
    let notice: Notice
    init(_ notice: consuming Notice) { self.notice = notice }
  }

  func lease() throws -> Lease {
    guard let lease = queue.lease(now: now) else { throw NothingReady() }
    return lease
  }

  func content(of lease: borrowing Lease) throws -> [UInt8] {
    var content: [UInt8] = []
    for chunk in 0..<lease.content.chunkCount { content += try queue.read(chunk, of: lease.content, mayBlock: true)! }
    return content
  }

  /// Leases the next message and gives every recipient the same outcome; nil if there is none.
  @discardableResult
  func deliver(_ result: RecipientOutcome.Result = .delivered, jitter: UInt64 = .max / 2) -> MessageID? {
    guard let lease = queue.lease(now: now) else { return nil }
    let id = lease.id
    let outcomes = lease.recipientIndexes.map { RecipientOutcome(index: $0, result: result, reply: reply(result)) }
    queue.record(outcomes, of: lease, now: now, jitter: jitter)
    return id
  }

  func reply(_ result: RecipientOutcome.Result) -> Reply {
    switch result {
    case .delivered, .relayed: Reply(250, EnhancedStatus(2, 0, 0), "ok")
    case .deferred: Reply(451, EnhancedStatus(4, 3, 0), "later")
    case .failed: Reply(550, EnhancedStatus(5, 1, 1), "no such user")
    }
  }

  /// For what only a simulated disk can do: be copied, spoilt, made to fail.
  var simulatedDisk: SimulatedDisk { disk as! SimulatedDisk }

  /// The queue as a process finds it that starts after this one was killed.
  func restarted(
    after milliseconds: Int64 = 0, wallJump: Int64 = 0, policy: QueuePolicy = QueuePolicy(segmentOctets: 256 << 10)
  ) throws -> QueueBench {
    let disk = simulatedDisk.copy()
    // A new boot: the monotonic clock begins elsewhere.
    let later = Instant(wall: now.wall + milliseconds + wallJump, monotonic: 77)
    return try QueueBench(disk, policy: policy, now: later, salt: 12)
  }

  var all: [MessageView] { queue.page(after: nil, limit: .max) }

  /// Does what a notifier does: writes a message about the notice to its sender.
  func tell(_ notice: consuming Notice, saying text: String = "told") -> (id: MessageID, token: UInt64) {
    let content = Array(text.utf8)
    let (id, token) = (queue.makeID(), token())
    let submission = Submission(
      id: id, envelope: Envelope(sender: nil, recipients: [notice.sender]),
      origin: Origin(address: "internal", listener: "\(notice.kind)"))
    queue.accept(
      submission, last: content.span.bytes, of: queue.makeDraft(), now: now,
      notify: Waiter(receiver: receiver, token: token), reporting: consume notice)
    return (id, token)
  }
}
