// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import Synchronization
import WAL

/// A queue on a disk that may fail at any call, with a clock by hand, and what everybody outside was told by it: clients,
/// the upstream, senders and the admin. Each message has a name, which its recipients and its content repeat. Nothing
/// here depends on anything but the calls that are made. After every call the log is stepped until it has nothing to do
/// or cannot go on; what was ordered since it last had nothing to do may be lost with the power, and nothing else.
final class ScriptedQueue {
  static let policy = QueuePolicy(retry: [60_000], segmentOctets: 32 << 10)
  static let start = Instant(wall: 1_800_000_000_000, monotonic: 5_000)

  let disk: SimulatedDisk
  private(set) var queue: MessageQueue!
  private(set) var report: RecoveryReport!
  var outside: [String: Outside] = [:]
  private(set) var now = ScriptedQueue.start
  /// How every message stood when the log last had nothing to do.
  private(set) var durable: [String: MessageView] = [:]
  /// Messages about which something was written since.
  private(set) var unsettled: Set<String> = []
  private(set) var violations: [String] = []
  /// The message of which octets were changed on the platter.
  private(set) var rotten: String?
  /// Something is damaged, or was not to be read at this start.
  private(set) var mayTellOfDamage = false
  private var receiver = Receiver()
  private var lastToken: UInt64 = 0
  private var lives: UInt64 = 0
  private var lastBatch: UInt64 = 0
  private var durableBatch: UInt64 = 0

  /// What is known of a message without asking the queue.
  struct Outside {
    var id: MessageID?
    var content: [UInt8]
    var recipients: [String]
    var hasSender = true
    var answer = Answer.none
    /// The upstream or the admin has ended it.
    var isEnded = false
    /// The same, and the power may go.
    var isEndDurable = false
    /// Under what numbers it came to the upstream whole and was taken.
    var deliveries: Set<MessageID> = []
  }

  enum Answer { case none, accepted, refused, undecided }

  init(_ disk: SimulatedDisk) {
    self.disk = disk
  }

  /// A start that the disk does not let through is tried again, as by systemd.
  func open() {
    receiver = Receiver()
    let failedReads = disk.failedReads
    defer { mayTellOfDamage = rotten != nil || disk.failedReads > failedReads }
    for _ in 0..<3 {
      lives += 1
      let opened = try? MessageQueue.open(
        disk: disk, policy: Self.policy, now: now, salt: 7 + lives, host: "gateway", ready: {})
      if let opened {
        (queue, report) = opened
        return
      }
      disk.kill()
    }
    // Until the power goes there is no queue any more.
    queue = nil
  }

  func blame(_ text: String) { violations.append(text) }

  /// What has become due meanwhile is an event, too.
  func pass(_ milliseconds: Int64) {
    now = now.advanced(by: milliseconds)
    _ = queue?.readyCount(now: now)
    settle(about: Array(outside.keys))
  }

  var views: [MessageView] { queue?.page(after: nil, limit: .max) ?? [] }

  private func view(_ name: String) -> MessageView? { outside[name]?.id.flatMap { queue?.view($0) } }

  static func name(of view: MessageView) -> String { String(view.recipients[0].address.local) }

  // MARK: - The log

  /// Steps while it helps.
  func settle(about names: [String] = [], mayLinger: Bool = false) {
    unsettled.formUnion(names)
    guard let queue else { return }
    for _ in 0..<6 {
      let result = queue.log.step(mayLinger: mayLinger)
      if result == .lingering || !queue.log.hasOpenBatch && result != .owing { break }
    }
    if mayLinger || queue.log.hasOpenBatch || queue.log.condition.isOwing { return }
    for name in unsettled {
      durable[name] = view(name)
      if outside[name]?.isEnded == true { outside[name]!.isEndDurable = true }
    }
    unsettled = []
    durableBatch = max(durableBatch, lastBatch)
  }

  // MARK: - Clients

  func accept(
    _ name: String, chunks: Int = 0, chunkOctets: Int = 1_500, to domains: [String] = ["x.example"],
    from hasSender: Bool = true
  ) {
    guard let queue else { return }
    var draft = queue.makeDraft()
    var message = Outside(content: Array("P: \(name)\r\n".utf8), recipients: domains.map { "\(name)@\($0)" })
    message.hasSender = hasSender
    for chunk in 0..<chunks {
      let octets = Self.octets("\(name) chunk \(chunk)\r\n", chunkOctets)
      message.content += octets
      let waiter = waiter()
      queue.store(octets.span.bytes, in: &draft, notify: waiter)
      settle()
      guard case .stored(let extent) = receiver.answer(waiter.token) else {
        message.answer = .refused
        outside[name] = message
        return
      }
      draft.stored(extent)
    }
    let last = Self.octets("\(name) end\r\n", 300)
    message.content += last
    let waiter = waiter()
    let submission = submission(name, message, sender: hasSender ? "\(name)@s.example" : nil)
    message.id = submission.id
    outside[name] = message
    queue.accept(submission, last: last.span.bytes, of: draft, now: now, notify: waiter)
    settle(about: [name])
    outside[name]!.answer = answer(waiter)
  }

  private func submission(_ name: String, _ message: Outside, sender: String?) -> Submission {
    Submission(
      id: queue.makeID(),
      envelope: Envelope(sender: sender.map { Address($0)! }, recipients: message.recipients.map { Address($0)! }),
      origin: Origin(login: "user", address: "192.0.2.1", listener: "submission"), prefix: Array("P: \(name)\r\n".utf8))
  }

  private func answer(_ waiter: Waiter) -> Answer {
    switch receiver.answer(waiter.token) {
    case .accepted: .accepted
    case .failed(.undecided): .undecided
    case .failed: .refused
    default: .none
    }
  }

  // MARK: - The upstream

  /// One attempt of this message, with a result for each recipient.
  func attempt(_ name: String, _ results: RecipientOutcome.Result..., mayLinger: Bool = false) {
    var others: [Holder] = []
    while let lease = queue?.lease(now: now) {
      guard String(lease.envelope.recipients[0].local) == name else {
        others.append(Holder(lease))
        continue
      }
      _ = carry(lease, results)
      break
    }
    others = []
    settle(about: [name], mayLinger: mayLinger)
  }

  /// One attempt of everything that is ready.
  func attemptAll() {
    while let lease = queue?.lease(now: now) { guard carry(lease, [.delivered]) else { break } }
    settle(about: Array(outside.keys))
  }

  /// False, without an outcome, if the content cannot be read now.
  private func carry(_ lease: consuming Lease, _ results: [RecipientOutcome.Result]) -> Bool {
    let name = String(lease.envelope.recipients[0].local)
    guard let content = content(of: lease) else { return false }
    if let message = outside[name], content != message.content {
      blame("\(name) comes to the upstream with another content")
    }
    let outcomes = lease.recipientIndexes.map { index in
      let result = results[min(index, results.count - 1)]
      return RecipientOutcome(index: index, result: result, reply: Self.reply(result))
    }
    let isEnd = outcomes.allSatisfy { $0.result != .deferred }
    if outcomes.contains(where: { $0.result == .delivered }) { outside[name]?.deliveries.insert(lease.id) }
    // Of a failure the sender is told first.
    let isFailed = outcomes.contains { $0.result == .failed } && outside[name]?.hasSender == true
    queue.record(outcomes, of: lease, now: now, jitter: 0)
    if isEnd, !isFailed { outside[name]?.isEnded = true }
    return true
  }

  private func content(of lease: borrowing Lease) -> [UInt8]? {
    var content: [UInt8] = []
    for chunk in 0..<lease.content.chunkCount {
      guard let octets = try? queue.read(chunk, of: lease.content, mayBlock: true) else { return nil }
      content += octets
    }
    return content
  }

  private final class Holder {
    let lease: Lease
    init(_ lease: consuming Lease) { self.lease = lease }
  }

  // MARK: - Senders

  /// Tells the next sender of a failure, if there is one.
  func notify() {
    guard let notice = try? queue?.nextNotice(now: now) else { return }
    let original = String(notice.sender.local)
    let name = "told-\(original)"
    var message = Outside(content: [], recipients: ["\(name)@s.example"], hasSender: false)
    message.deliveries = outside[name]?.deliveries ?? []
    let last = Self.octets("\(name) end\r\n", 100)
    message.content = Array("P: \(name)\r\n".utf8) + last
    let waiter = waiter()
    let submission = submission(name, message, sender: nil)
    message.id = submission.id
    outside[name] = message
    queue.accept(
      submission, last: last.span.bytes, of: queue.makeDraft(), now: now, notify: waiter, reporting: consume notice)
    settle(about: [name, original])
    outside[name]!.answer = answer(waiter)
    guard answer(waiter) == .accepted else { return }
    outside[original]?.isEnded = true
    settle(about: [original])
  }

  // MARK: - The admin

  func hold(_ name: String, until: Int64? = nil) {
    order(name) { id in
      _ = queue.hold([id], until: until, by: PeerText("root"), reason: PeerText("why"), now: now)
    }
  }

  func release(_ name: String) { order(name) { id in _ = queue.release([id], now: now) } }

  func flush(_ name: String) { order(name) { id in _ = queue.flush([id], now: now) } }

  /// Nobody gets the number of a batch that somebody was told before.
  func drop(_ name: String) {
    order(name) { id in
      guard let batch = queue.drop([id], keep: 864_000_000, by: PeerText("root"), now: now)?.batch else { return }
      if batch <= durableBatch { blame("batch \(batch) is given to \(name), and was given to others") }
      lastBatch = batch
    }
  }

  func undrop(_ name: String) {
    guard let batch = view(name)?.drop?.batch else { return }
    order(name) { _ in _ = queue.undrop(batch: batch, now: now) }
  }

  func erase(_ name: String) {
    order(name) { id in
      if queue.erase([id], now: now) > 0 { outside[name]!.isEnded = true }
    }
  }

  func bounce(_ name: String) {
    order(name) { id in
      let reply = Reply(550, EnhancedStatus(5, 7, 0), "given up")
      if queue.bounce([id], reply: reply, report: false, now: now) > 0 { outside[name]?.isEnded = true }
    }
  }

  private func order(_ name: String, _ body: (MessageID) -> Void) {
    guard let id = view(name)?.id else { return }
    body(id)
    settle(about: [name])
  }

  func standStill(_ milliseconds: Int64) {
    queue?.extendLifetimes(by: milliseconds)
    // Lifetimes of all.
    settle(about: Array(outside.keys))
  }

  // MARK: - Housekeeping

  /// Copies forward as long as there is something to copy; `meanwhile` happens when the first piece is on its way.
  func compact(meanwhile: (ScriptedQueue) -> Void = { _ in }) {
    guard let queue else { return }
    _ = try? queue.compact(now: now)
    meanwhile(self)
    for _ in 0..<200 {
      let progress = try? queue.compact(now: now)
      settle()
      if progress == .idle || progress == .blocked || queue.log.condition.isOwing { break }
    }
    settle()
  }

  /// Room on the disk, as who takes mail asks for it.
  func measure() {
    _ = try? queue?.space()
    _ = try? disk.freeInodes()
  }

  /// Changes one bit of the first octets that are these.
  func rot(_ name: String, in text: String) {
    let wanted = Array(text.utf8)
    for file in disk.names {
      let octets = disk.contents(file)
      guard let place = octets.indices.first(where: { octets[$0...].starts(with: wanted) }) else { continue }
      disk.flip(file, offset: place, bit: 1)
      rotten = name
    }
  }

  // MARK: - Small things

  static func octets(_ text: String, _ count: Int) -> [UInt8] {
    let octets = Array(text.utf8)
    return octets + [UInt8](repeating: UInt8(ascii: "x"), count: max(0, count - octets.count))
  }

  private static func reply(_ result: RecipientOutcome.Result) -> Reply {
    switch result {
    case .delivered, .relayed: Reply(250, EnhancedStatus(2, 0, 0), "ok")
    case .deferred: Reply(451, EnhancedStatus(4, 3, 0), "later")
    case .failed: Reply(550, EnhancedStatus(5, 1, 1), "no such user")
    }
  }

  private func waiter() -> Waiter {
    lastToken += 1
    return Waiter(receiver: receiver, token: lastToken)
  }

  private final class Receiver: CompletionReceiver {
    private let answers = Mutex<[UInt64: Completion]>([:])

    func receive(_ completions: [(token: UInt64, completion: Completion)]) {
      answers.withLock { answers in
        for (token, completion) in completions { answers[token] = completion }
      }
    }

    func answer(_ token: UInt64) -> Completion? { answers.withLock { $0[token] } }
  }
}
