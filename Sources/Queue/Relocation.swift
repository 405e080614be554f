// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import Synchronization
import WAL

/// Copies messages out of the oldest segment, one pass over the queue for each such segment. First the chunks of a
/// message that lie there, then, when these are durable, one `moved` record with everything else. Reads and checks
/// without the queue's lock; a message that has changed meanwhile is left for the next pass.
final class Relocation: CompletionReceiver {
  private let core: QueueCore
  /// Only for the thread that compacts, so waiting for the disk under it makes nobody else wait.
  private let work = Mutex(Work())
  private let arrived = Mutex(Arrived())

  private struct Work: ~Copyable {
    var segment: UInt32 = 0
    /// Messages up to here have been looked at.
    var cursor: UInt64 = 0
    var lastToken: UInt64 = 0
    /// A message whose chunks are being copied.
    var copying: Copying?
  }

  private struct Copying: ~Copyable {
    let number: UInt64
    let snapshot: MessageSnapshot
    var draft: Draft
    /// Where the content is, with chunks that are copied at their new places.
    var extents: [Extent]
    /// Places in `extents` of the chunks that have been appended and whose new extents have not been asked for.
    var pending: [(place: Int, token: UInt64)] = []
    var next = 0
    var lost: [Extent] = []
  }

  private struct Arrived {
    var outstanding = 0
    var stored: [UInt64: Extent] = [:]
    var failure: StorageFailure?
  }

  /// Octets that are appended before they are waited for; of a small segment a small part, or much of it would stay
  /// empty.
  private let pieceOctets: Int

  init(core: QueueCore) {
    self.core = core
    let segmentOctets = core.books.withLock { $0.state.policy.segmentOctets }
    pieceOctets = min(QueueLimits.compactionOctetsMax, segmentOctets / 8)
  }

  func receive(_ completions: [(token: UInt64, completion: Completion)]) {
    let isDone = arrived.withLock { arrived in
      for (token, completion) in completions {
        arrived.outstanding -= 1
        switch completion {
        case .stored(let extent): arrived.stored[token] = extent
        case .failed(let failure): arrived.failure = failure
        case .accepted: break
        }
      }
      return arrived.outstanding == 0
    }
    if isDone { core.tellCompactionDue() }
  }

  // MARK: - A piece of work

  func advance(_ queue: MessageQueue, now: Instant) throws(LogError) -> CompactionProgress {
    let arrived = arrived.withLock { arrived in
      defer { if arrived.outstanding == 0 { (arrived.stored, arrived.failure) = ([:], nil) } }
      return arrived
    }
    if arrived.outstanding > 0 { return .underWay }
    return try work.withLock { work throws(LogError) in
      if arrived.failure != nil {
        work.copying = nil
        return end(&work, .refused)
      }
      if let copying = work.copying.take() {
        return try resume(consume copying, arrived.stored, &work, queue, now)
      }
      return try scan(&work, queue, now)
    }
  }

  /// Goes through the queue from where the last piece ended.
  private func scan(_ work: inout Work, _ queue: MessageQueue, _ now: Instant) throws(LogError) -> CompactionProgress {
    let use = queue.log.use
    let (isDue, isFree) = core.books.withLock { books in
      books.compaction.noteProgress(
        use, liveOctets: books.ledger.totalOctets, segmentOctets: books.state.policy.segmentOctets)
      _ = books.askForCompaction(use)
      return (books.isCompactionDue(use), books.ledger.lowestNeeded > use.first)
    }
    // A segment that nothing needs goes by itself; the log asks again if that was not enough.
    guard isDue, !isFree else { return end(&work, .idle) }
    if work.segment != use.first {
      work.segment = use.first
      work.cursor = 0
    }
    var octets = 0
    while octets < pieceOctets {
      guard let (page, last) = movable(from: work.segment, after: work.cursor) else {
        work.cursor = 0
        if octets == 0 { return end(&work, .blocked) }
        break
      }
      for (number, snapshot) in page {
        work.cursor = number
        var copying = Copying(
          number: number, snapshot: snapshot, draft: queue.makeDraft(), extents: snapshot.message.extents)
        try copyChunks(&copying, &work, queue)
        if !copying.pending.isEmpty {
          work.copying = consume copying
          return .underWay
        }
        octets += try move(consume copying, &work, queue, now)
        if octets >= pieceOctets { break }
      }
      if octets < pieceOctets { work.cursor = last }
    }
    return .underWay
  }

  /// A page of the queue: what of it lives in the segment and can be copied now; nil at the end of the queue.
  private func movable(
    from segment: UInt32, after cursor: UInt64
  ) -> (messages: [(UInt64, MessageSnapshot)], last: UInt64)? {
    core.books.withLock { books in
      let page = books.state.order.page(after: cursor, limit: QueueLimits.pageMessagesMax)
      guard let last = page.last else { return nil }
      let messages = page.compactMap { number in books.movable(number, from: segment).map { (number, $0) } }
      return (messages, last)
    }
  }

  /// Ends a pass. What cannot be copied now is asked for again by whoever called, the rest by the log.
  private func end(_ work: inout Work, _ progress: CompactionProgress) -> CompactionProgress {
    work.cursor = 0
    work.segment = 0
    if progress == .idle { core.books.withLock { $0.compaction.isAsked = false } }
    return progress
  }

  // MARK: - One message

  private func resume(
    _ copying: consuming Copying, _ stored: [UInt64: Extent], _ work: inout Work, _ queue: MessageQueue, _ now: Instant
  ) throws(LogError) -> CompactionProgress {
    var copying = copying
    for (place, token) in copying.pending {
      guard let extent = stored[token] else { continue }
      copying.extents[place] = extent
      copying.draft.stored(extent)
    }
    copying.pending = []
    try copyChunks(&copying, &work, queue)
    if !copying.pending.isEmpty {
      work.copying = consume copying
      return .underWay
    }
    if try move(consume copying, &work, queue, now) > 0 { return .underWay }
    // It has changed meanwhile; the copies of its chunks are given up.
    return try scan(&work, queue, now)
  }

  /// Appends a bounded part of the chunks that must leave the segment and have not yet.
  private func copyChunks(_ copying: inout Copying, _ work: inout Work, _ queue: MessageQueue) throws(LogError) {
    var octets = 0
    while copying.next < copying.extents.count, octets < pieceOctets {
      let place = copying.next
      copying.next += 1
      let extent = copying.extents[place]
      guard extent.segment == work.segment, !core.books.withLock({ $0.ledger.isLost(extent) }) else { continue }
      guard let payload = try readUnlessDamaged(extent, queue) else {
        copying.lost.append(extent)
        continue
      }
      copying.pending.append((place, addToken(&work)))
      queue.store(
        payload.span.bytes, in: &copying.draft, notify: Waiter(receiver: self, token: work.lastToken))
      octets += payload.count
    }
  }

  /// Appends the record that gives the message its new place; returns its octets, 0 if the message has changed.
  private func move(
    _ copying: consuming Copying, _ work: inout Work, _ queue: MessageQueue, _ now: Instant
  ) throws(LogError) -> Int {
    let (number, snapshot, segment) = (copying.number, copying.snapshot, work.segment)
    var lost = copying.lost
    var acceptance: Acceptance
    var content: ArraySlice<UInt8> = []
    if let payload = try readUnlessDamaged(snapshot.message.accepted, queue),
      let found = payload.withUnsafeBytes({ EventRecord.acceptance($0) })
    {
      acceptance = found
      acceptance.extents = copying.extents
      content = payload.suffix(found.prefixOctets + found.lastOctets)
    } else {
      // What it was besides its envelope is lost; whoever looks finds the octets where they were.
      let submitter = core.books.withLock { $0.state.submitters.name(snapshot.message.submitter) }
      acceptance = Acceptance(number, snapshot.message, submitter: submitter)
      acceptance.extents = copying.extents + [snapshot.message.accepted]
      lost.append(snapshot.message.accepted)
    }
    acceptance.report = nil
    let replies = try replies(to: snapshot.message, queue)
    let (time, standstill) = core.books.withLock { ($0.clock.time(now), $0.state.standstill) }
    var moved = snapshot.moved(acceptance, replies: replies, standstillTotal: standstill, time: time, wall: now.wall)
    var head = EventRecord.head(moved)
    if head.count + content.count > LogLimits.payloadOctetsMax {
      // Ten thousand long addresses with as many long replies: the replies are what can be missed.
      for index in moved.recipients.indices { moved.recipients[index].reply = nil }
      head = EventRecord.head(moved)
    }
    let token = addToken(&work)
    let draft = copying.draft.number
    let isAppended = content.withUnsafeBytes { content in
      let checksum = Checksum.crc32c(content, continuing: Checksum.crc32c(head))
      return core.books.withLock { books in
        guard books.movable(number, from: segment) == snapshot || SeededFault.staleCopyWritten else { return false }
        if SeededFault.copyNotAwaited { books.release(snapshot.message.allExtents) }
        // From here on the copied chunks belong to the record.
        let chunks = books.drafts.removeValue(forKey: draft) ?? []
        let ticket = books.addPending(
          .move(moved, chunks: chunks, lost: lost, Waiter(receiver: self, token: token)))
        queue.append(
          .moved, head: head, body: content, checksum: checksum, fate: .voided, ticket: ticket, mark: number)
        return true
      }
    }
    if isAppended { queue.log.wake() } else { arrived.withLock { $0.outstanding -= 1 } }
    return isAppended ? RecordHeader.span(payload: head.count + content.count) : 0
  }

  private func addToken(_ work: inout Work) -> UInt64 {
    work.lastToken += 1
    arrived.withLock { $0.outstanding += 1 }
    return work.lastToken
  }

  private func replies(
    to message: QueueState.Message, _ queue: MessageQueue
  ) throws(LogError) -> [Int: LastOutcome] {
    var replies: [Int: LastOutcome] = [:]
    var outcomes = OutcomeReader(log: queue.log)
    for index in 0..<message.recipients.count {
      let position = message.recipients[index].reply
      guard position != .unknown else { continue }
      do throws(LogError) {
        replies[index] = try outcomes.outcome(of: index, at: position)
      } catch {
        guard case .damaged = error else { throw error }
        core.books.withLock { $0.ledger.noteDamage(position.segment) }
      }
    }
    return replies
  }

  private func readUnlessDamaged(_ extent: Extent, _ queue: MessageQueue) throws(LogError) -> [UInt8]? {
    do throws(LogError) {
      return try queue.log.read(extent, mayBlock: true)
    } catch {
      guard case .damaged = error else { throw error }
      core.books.withLock { $0.ledger.noteDamage(extent.segment) }
      return nil
    }
  }
}

extension Acceptance {
  /// As far as memory knows it; without content.
  fileprivate init(_ number: UInt64, _ message: QueueState.Message, submitter: String) {
    self.init(
      id: MessageID(number: number), wall: message.received, standstill: message.standstill, extents: [],
      prefixOctets: 0, lastOctets: 0,
      hints: message.hints,
      envelope: Envelope(
        sender: message.recipients.sender, recipients: message.recipients.addresses, body: message.body,
        isUTF8: message.isUTF8, notification: message.recipients.wish),
      origin: Origin(login: submitter, address: ""))
  }
}
