// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import Synchronization
import WAL

/// The queue: takes messages, keeps every one that it has said `.accepted` to, and lends them out for delivery until
/// each recipient has an outcome. Called from any thread; every call is short, and none waits for the disk except
/// `read` and `details`, which say so.
///
/// An acceptance enters the state when its record is durable: nothing can be leased or listed before. An outcome
/// enters at once and is durable within 50 ms.
package final class MessageQueue: Sendable {
  /// For the thread that steps it.
  package let log: WriteAheadLog
  let core: QueueCore
  let disk: any Disk
  let relocation: Relocation

  init(log: WriteAheadLog, core: QueueCore, disk: any Disk) {
    self.log = log
    self.core = core
    self.disk = disk
    relocation = Relocation(core: core)
  }

  /// Takes the directory, reads what is there, and goes on behind it. `salt` is a random number, different at every
  /// start, `host` the name of this machine. `progress` is called now and then while it reads, with the messages found
  /// so far. `router` says which lanes there are; without it there is one. `ready` is called, without a lock held, when a message may be leased that could not before, or `nextDue`
  /// may have become earlier; `noticesDue` when `nextNotice` may give one that it did not before, here already if the
  /// log has told of some; `compactionDue` when `compact` should be called. `finishedMail` hears of recipients that are
  /// at their end.
  package static func open(
    disk: any Disk, policy: QueuePolicy, now: Instant, salt: UInt64, host: String, router: (any MailRouter)? = nil,
    finishedMail: (any FinishedMail)? = nil,
    progress: (_ messages: Int) -> Void = { _ in },
    ready: @escaping @Sendable () -> Void, noticesDue: @escaping @Sendable () -> Void = {},
    compactionDue: @escaping @Sendable () -> Void = {}
  ) throws(QueueError) -> (queue: MessageQueue, report: RecoveryReport) {
    do throws(LogError) {
      try disk.lock()
      var recovery = QueueRecovery(policy: policy)
      var records = 0
      let recovered = try LogRecovery.run(disk: disk) { type, extent, payload, _ in
        recovery.visit(type, extent, payload)
        records += 1
        if records.isMultiple(of: QueueLimits.progressRecords) { progress(recovery.messages) }
      }
      var (books, report) = recovery.finish(recovered, router: router, now: now)
      if recovered.comes(fromOtherThan: host) { report.otherHost = recovered.host }
      let core = QueueCore(
        books: books, finishedMail: finishedMail, ready: ready, noticesDue: noticesDue, compactionDue: compactionDue)
      let log = WriteAheadLog(
        disk: disk, recovered: recovered, salt: salt, mark: books.state.lastNumber, host: host,
        segmentOctets: policy.segmentOctets, owner: core)
      if !books.notices.isEmpty { noticesDue() }
      return (MessageQueue(log: log, core: core, disk: disk), report)
    } catch {
      throw .log(error)
    }
  }

  // MARK: - Taking messages

  /// A number that no message had, for a message that may be accepted: its trace field names it before.
  package func makeID() -> MessageID {
    core.books.withLock { books in
      // Only a number that nobody counted on from, because we had not given it, is there already.
      repeat { books.state.lastNumber += 1 } while books.state.messages.contains(books.state.lastNumber)
      return MessageID(number: books.state.lastNumber)
    }
  }

  package func makeDraft() -> Draft {
    Draft(core: core)
  }

  /// Stores one chunk of at most `QueueLimits.chunkOctetsMax` octets. When its completion has come, tell the draft
  /// with `stored`; if it has failed, abandon the draft. Without `wakes` nothing happens before the next call of `wake`:
  /// what comes in one turn of an event loop shall be one sync.
  package func store(_ octets: RawSpan, in draft: inout Draft, notify waiter: Waiter, wakes: Bool = true) {
    precondition(octets.byteCount <= QueueLimits.chunkOctetsMax && draft.requestedChunks < QueueLimits.chunksMax)
    draft.requestedChunks += 1
    var number = draft.number
    octets.withUnsafeBytes { body in
      let checksum = Checksum.crc32c(body)
      core.books.withLock { books in
        if number == 0 { number = books.openDraft() }
        let ticket = books.addPending(.content(draft: number, waiter))
        append(.content, body: body, checksum: checksum, fate: .voided, ticket: ticket)
      }
    }
    draft.number = number
    if wakes { log.wake() }
  }

  /// There is something to write.
  package func wake() {
    log.wake()
  }

  /// Makes the draft and these last octets a message. The completion `.accepted` comes when it is durable; until then
  /// it does not exist, and the id means nothing. A message that tells of a notice ends, by the same record, what that
  /// is about; if it is not accepted, the notice is given again. False, and no completion, if there is nobody left to
  /// tell: meanwhile the mail was delivered, or somebody ordered silence.
  @discardableResult
  package func accept(
    _ submission: Submission, last octets: RawSpan, of draft: consuming Draft, now: Instant, notify waiter: Waiter,
    reporting notice: consuming Notice? = nil, wakes: Bool = true
  ) -> Bool {
    precondition(octets.byteCount <= QueueLimits.chunkOctetsMax)
    precondition(draft.extents.count == draft.requestedChunks, "a chunk of the draft is not stored")
    precondition(submission.envelope.recipients.count <= QueueLimits.recipientsMax)
    precondition(submission.prefix.count <= QueueLimits.prefixOctetsMax)
    let id = submission.id
    let (standstill, time) = core.books.withLock { ($0.state.standstill, $0.clock.time(now)) }
    var reported: NoticeBoard.Given?
    if let notice {
      reported = core.books.withLock { $0.claim(dueNotice: notice.number) }
      guard reported != nil else { return false }
    }
    let acceptance = Acceptance(
      id: id, wall: now.wall, standstill: standstill, extents: draft.extents, prefixOctets: submission.prefix.count,
      lastOctets: octets.byteCount, hints: submission.hints, envelope: submission.envelope, origin: submission.origin,
      report: SeededFault.noticeWithoutRecord ? nil : reported?.report)
    let head = EventRecord.head(acceptance, prefix: submission.prefix)
    let number = draft.number
    octets.withUnsafeBytes { body in
      let checksum = Checksum.crc32c(body, continuing: Checksum.crc32c(head))
      core.books.withLock { books in
        // From here on the chunks belong to the acceptance, and the end of the draft lets nothing go.
        let chunks = books.drafts.removeValue(forKey: number) ?? []
        let ticket = books.addPending(.acceptance(acceptance, time: time, chunks: chunks, reported, waiter))
        append(
          .accepted, head: head, body: body, checksum: checksum, indexed: head.count - submission.prefix.count,
          fate: .voided, ticket: ticket, mark: id.number)
      }
    }
    if wakes { log.wake() }
    return true
  }

  /// Gives up a body; its chunks will never be read.
  package func abandon(_ draft: consuming Draft) {
    _ = consume draft
  }

  // MARK: - Delivering

  /// The next message in turn of this lane, for all of its recipients there that are ready; nil if none is. Others of it
  /// wait until the lease has ended.
  package func lease(_ lane: Lane = .only, now: Instant) -> Lease? {
    let found = promoting(now) { books, time -> (UInt64, UInt64, QueueState.Message, [Int], MailSource)? in
      guard let (number, indexes) = books.state.lease(lane, time) else { return nil }
      let message = books.state.messages[number]!
      return (
        books.addLease(number, indexes), number, message, indexes, books.state.submitters.source(message.submitter)
      )
    }
    guard let (lease, number, message, indexes, source) = found else { return nil }
    return Lease(
      number: lease, id: MessageID(number: number), lane: lane, message: message, indexes: indexes,
      source: source, core: core)
  }

  /// Messages that a lease can be had for now, in whatever lane.
  package func readyCount(now: Instant) -> Int {
    promoting(now) { books, _ in books.state.queuedCount }
  }

  /// Those of one lane. A message with recipients in several lanes counts in each.
  package func readyCount(_ lane: Lane, now: Instant) -> Int {
    promoting(now) { books, _ in books.state.lanes.readyCount(lane) }
  }

  /// One chunk of the content of a message that is leased, its checksum verified before it is returned. nil if `mayBlock` is false and the disk
  /// would have to be waited for: ask again on a thread that may wait.
  package func read(_ chunk: Int, of content: StoredContent, mayBlock: Bool) throws(ContentError) -> [UInt8]? {
    let message = content.message
    do throws(LogError) {
      if chunk > 0, chunk <= message.extents.count {
        return try log.read(message.extents[chunk - 1], mayBlock: mayBlock)
      }
      guard let payload = try log.read(message.accepted, mayBlock: mayBlock) else { return nil }
      let prefixOctets = Int(message.prefixOctets)
      let lastOctets = message.extents.reduce(message.octets - prefixOctets) { $0 - Int($1.octets) }
      if message.extents.isEmpty { return Array(payload.suffix(prefixOctets + lastOctets)) }
      if chunk == 0 { return Array(payload.dropLast(lastOctets).suffix(prefixOctets)) }
      return Array(payload.suffix(lastOctets))
    } catch {
      if case .damaged = error { core.quarantine(content.id) }
      throw ContentError(id: content.id, reason: error)
    }
  }

  /// Ends a lease with what came of it. Recipients that are not named are ready again as before. `upstream` names who
  /// was asked. `lanes` has those of its recipients that go on in another lane of the same routing, by index. Returns
  /// the outcomes as the policy made them: a deferral past the lifetime is a failure. With `wakesLog` false the caller
  /// calls `wakeLog` behind it, once for the outcomes of a moment.
  @discardableResult
  package func record(
    _ outcomes: [RecipientOutcome], of lease: consuming Lease, through upstream: String? = nil,
    into lanes: [Int: UInt8] = [:], now: Instant, jitter: UInt64, wakesLog: Bool = true
  ) -> [RecipientOutcome] {
    let (leaseNumber, lane) = (lease.number, lease.lane)
    let decided = core.books.withLock { books -> [RecipientOutcome] in
      guard let leased = books.endLease(leaseNumber) else { return [] }
      let (number, indexes) = (leased.number, leased.indexes)
      let time = books.clock.time(now)
      guard let message = books.state.messages[number] else { return [] }
      let attempt = Attempt(
        id: MessageID(number: number), wall: now.wall,
        outcomes: outcomes.filter { message.isLeased($0.index) }.map { outcome in
          outcome.decided(
            books.state.policy, message, age: books.state.age(number, message, at: time), wall: now.wall,
            jitter: jitter)
        })
      books.state.move(number, into: lanes, from: lane)
      guard !attempt.outcomes.isEmpty else {
        books.state.restore(number, indexes)
        return []
      }
      books.state.endLease(number, indexes)
      let ending = core.finishedMail.flatMap { _ in
        Ending(
          attempt, message, submitter: books.state.submitters.name(message.submitter), upstream: upstream)
      }
      let finished = books.state.apply(.attempted(attempt, .unknown), at: time)
      books.state.note(upstream, answering: attempt)
      let isDelayed =
        attempt.outcomes.contains { $0.result == .deferred } && books.state.isDelayed(number, at: time)
      let ticket = books.addChange(
        number, attempt.outcomes.map(\.index), isDelayed: isDelayed, finished: finished, ending)
      append(.attempted, head: EventRecord.payload(attempt), ticket: ticket)
      return attempt.outcomes.map { $0.asRecipientOutcome }
    }
    if wakesLog { log.wake() }
    return decided
  }

  /// The writer has outcomes to write that it was not told of.
  package func wakeLog() {
    log.wake()
  }

  /// Ends a lease without an attempt that counts: the upstream was the trouble.
  package func release(_ lease: consuming Lease) {
    _ = consume lease
  }

  /// Monotonic time at which to ask for a lease again because a deferred message may be ready; perhaps early, never
  /// late.
  package func nextDue(now: Instant) -> Int64? {
    core.books.withLock { books in
      _ = books.clock.time(now)
      return books.state.nextDue.map { books.clock.monotonic($0) }
    }
  }

  /// Lifetimes stood still for so long, because the upstream was paused.
  package func extendLifetimes(by milliseconds: Int64) {
    core.books.withLock { books in
      let total = (books.state.standstill + max(0, milliseconds.boundedTime)).boundedTime
      books.state.apply(.stoodStill(total: total), at: 0)
      append(.stoodStill, head: EventRecord.payload(stoodStill: total))
    }
    log.wake()
  }

  /// From now on; what is deferred keeps its time.
  package func adopt(_ policy: QueuePolicy) {
    core.books.withLock { $0.state.policy = policy }
  }

  /// Called under the lock, so that the order of the log is the order of decisions. Recovery sees the head, or so much
  /// of it as `indexed` says.
  func append(
    _ kind: EventRecord.Kind, head: [UInt8] = [], body: UnsafeRawBufferPointer = .init(start: nil, count: 0),
    checksum: UInt32? = nil, indexed: Int? = nil, fate: RecordFate = .restated, ticket: UInt64 = 0, mark: UInt64 = 0
  ) {
    head.withUnsafeBytes { head in
      log.append(
        type: kind.rawValue, head: head, body: body, checksum: checksum ?? Checksum.crc32c(head),
        indexed: indexed ?? head.count, fate: fate, ticket: ticket,
        // One that is not counted on from must not stand in every header from here on.
        mark: mark <= QueueLimits.countedMax ? mark : 0)
    }
  }
}

extension Attempt.Outcome {
  fileprivate var asRecipientOutcome: RecipientOutcome {
    let plain: RecipientOutcome.Result =
      switch result {
      case .delivered: .delivered
      case .relayed: .relayed
      case .deferred: .deferred
      case .failed, .expired: .failed
      }
    return RecipientOutcome(index: index, result: plain, reply: reply, isUncertain: isUncertain)
  }
}

extension RecipientOutcome {
  /// What the policy makes of it. `age` counts against the lifetime.
  fileprivate func decided(
    _ policy: QueuePolicy, _ message: QueueState.Message, age: @autoclosure () -> Int64, wall: Int64, jitter: UInt64
  ) -> Attempt.Outcome {
    let entry = message.recipients[index]
    let attempts = Int(entry.attempts) + 1
    var decided = Attempt.Outcome(
      index: index, result: .failed, isUncertain: isUncertain || entry.isUncertain, attempts: attempts, next: 0,
      reply: reply)
    switch result {
    case .delivered: decided.result = .delivered
    case .relayed: decided.result = .relayed
    case .failed: decided.result = .failed
    case .deferred where age() > policy.lifetime:
      decided.result = .expired
      // RFC 3463 section 3.5: delivery time expired.
      decided.reply = Reply(
        reply.code, EnhancedStatus(4, 4, 7), "delivery time expired; last reply: \(reply)")
    case .deferred:
      decided.result = .deferred
      decided.next = wall + policy.delay(afterAttempt: attempts, jitter: jitter)
    }
    return decided
  }
}

extension QueueState {
  /// Whether an attempt that is deferred makes the delay of a message worth telling.
  fileprivate func isDelayed(_ number: UInt64, at time: Int64) -> Bool {
    guard let warnAfter = policy.warnAfter, let message = messages[number], !message.isWarned,
      message.recipients.hasSender
    else { return false }
    return time - message.born >= warnAfter
  }
}
