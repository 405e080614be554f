// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// What an admin orders. Each call may come from any thread and takes a page under the lock at a time; messages that are
/// gone or dropped or that the order does not fit are passed over. Returns how many messages changed.
extension MessageQueue {
  /// Makes deferred recipients of these messages ready now. Does nothing to held ones.
  package func flush(_ ids: [MessageID], now: Instant) -> Int {
    let flushed = change(ids, page: QueueLimits.pageMessagesMax, now: now) { books, page, time in
      let waiting = page.filter { books.state.isDeferred($0.number) }
      guard !waiting.isEmpty else { return 0 }
      books.state.apply(.flushed(waiting, wall: now.wall), at: time)
      append(.flushed, head: EventRecord.payload(waiting, wall: now.wall))
      return waiting.count
    }
    if flushed > 0 { core.tellReady() }
    return flushed
  }

  /// Messages with a recipient that is left to try wait from now on, until they are released or until the wall time
  /// `until`. One that is being sent finishes its attempt first. A held one is held by this order from now on.
  package func hold(
    _ ids: [MessageID], until: Int64?, by actor: PeerText, reason: PeerText? = nil, now: Instant
  ) -> Int {
    let held = change(ids, page: QueueLimits.pageMessagesMax, now: now) { books, page, time in
      let found = page.filter { books.state.mayHold($0.number) }
      guard !found.isEmpty else { return 0 }
      let order = HoldOrder(ids: found, wall: now.wall, until: until?.boundedTime, by: actor, reason: reason)
      books.state.apply(.held(order), at: time)
      if !SeededFault.holdNotWritten { append(.held, head: EventRecord.payload(order)) }
      return found.count
    }
    // The end of a hold may be the next thing that is due.
    if held > 0 { core.tellReady() }
    return held
  }

  /// Held messages go on as if nothing had been; the time of the hold does not count against their lifetime.
  package func release(_ ids: [MessageID], now: Instant) -> Int {
    let released = change(ids, page: QueueLimits.pageMessagesMax, now: now) { books, page, time in
      let held = page.filter { books.state.mayRelease($0.number) }
      guard !held.isEmpty else { return 0 }
      release(held, in: &books, time: time, wall: now.wall)
      return held.count
    }
    if released > 0 { core.tellReady() }
    return released
  }

  /// Fails, with this reply, every recipient that has not failed yet and is not being sent. Without `report` nobody is
  /// told of these, nor of those that had failed before.
  package func bounce(_ ids: [MessageID], reply: Reply, report: Bool, now: Instant) -> Int {
    change(ids, page: QueueLimits.pageBouncesMax, now: now) { books, page, time in
      page.count { id in bounce(id, reply, report, in: &books, time: time, wall: now.wall) }
    }
  }

  private func bounce(
    _ id: MessageID, _ reply: Reply, _ isReported: Bool, in books: inout QueueCore.Books, time: Int64, wall: Int64
  ) -> Bool {
    guard let message = books.state.messages[id.number], !message.isDropped else { return false }
    let failing = message.untried
    let indexes = isReported ? failing : failing + message.failed
    guard !indexes.isEmpty else { return false }
    let bounce = Bounce(id: id, wall: wall, isReported: isReported, reply: reply, indexes: indexes)
    let ending = core.finishedMail.flatMap { _ in
      Ending(bounce, failing: failing, message, submitter: books.state.submitters.name(message.submitter))
    }
    let finished = books.state.apply(.bounced(bounce, .unknown), at: time)
    let ticket = books.addChange(id.number, failing, finished: finished, ending)
    append(.bounced, head: EventRecord.payload(bounce), ticket: ticket)
    return true
  }

  /// Ends holds, under the lock.
  private func release(_ ids: [MessageID], in books: inout QueueCore.Books, time: Int64, wall: Int64) {
    books.state.apply(.released(ids, wall: wall), at: time)
    append(.released, head: EventRecord.payload(ids, wall: wall))
  }

  /// Writes down what time it is, under the lock: a flush of nothing.
  private func mark(in books: inout QueueCore.Books, time: Int64, wall: Int64) {
    books.state.drops.noteMark(time)
    append(.flushed, head: EventRecord.payload([], wall: wall))
  }

  /// Makes ready what is due, deferred messages and held ones whose time is over, and erases dropped ones
  /// whose time is, then asks `body` under the same lock.
  /// The dispatcher hears of what became ready: whoever asks first takes it out of those that it waits for.
  func promoting<Answer>(
    _ now: Instant, _ body: (inout QueueCore.Books, _ time: Int64) -> sending Answer
  ) -> sending Answer {
    var hasWritten = false
    var isAnyReady = false
    let answer = core.books.withLock { books in
      let time = books.clock.time(now)
      let (ended, erased, isReady) = books.state.promote(time, wall: now.wall)
      let isMarkDue = books.state.drops.nextMark.map { $0 <= time } ?? false
      if isMarkDue { mark(in: &books, time: time, wall: now.wall) }
      if !ended.isEmpty { release(ended, in: &books, time: time, wall: now.wall) }
      if !erased.isEmpty { erase(erased, in: &books, time: time, wall: now.wall) }
      hasWritten = !ended.isEmpty || !erased.isEmpty || isMarkDue
      isAnyReady = isReady || !ended.isEmpty
      return body(&books, time)
    }
    if hasWritten { log.wake() }
    if isAnyReady { core.tellReady() }
    return answer
  }

  /// The lock is free between two pages.
  func change(
    _ ids: [MessageID], page size: Int, now: Instant,
    _ body: (inout QueueCore.Books, _ page: ArraySlice<MessageID>, _ time: Int64) -> Int
  ) -> Int {
    var changed = 0
    var rest = ids[...]
    while !rest.isEmpty {
      let page = rest.prefix(size)
      rest = rest.dropFirst(page.count)
      changed += core.books.withLock { books in body(&books, page, books.clock.time(now)) }
    }
    if changed > 0 { log.wake() }
    return changed
  }
}

extension QueueState {
  fileprivate func isDeferred(_ number: UInt64) -> Bool {
    guard let message = messages[number], !message.isHeld, !message.isDropped else { return false }
    return (0..<message.recipients.count).contains { message.recipients[$0].state == .deferred }
  }

  /// A damaged message waits anyway.
  fileprivate func mayHold(_ number: UInt64) -> Bool {
    guard let message = messages[number], !message.isQuarantined, !message.isDropped else { return false }
    return message.earliestDue != nil
  }

  fileprivate func mayRelease(_ number: UInt64) -> Bool {
    guard let message = messages[number] else { return false }
    return message.isHeld && !message.isDropped
  }
}

extension QueueState.Message {
  /// Recipients that wait for an attempt.
  fileprivate var untried: [Int] {
    (0..<recipients.count).filter { index in
      let entry = recipients[index]
      return !entry.isLeased && (entry.state == .queued || entry.state == .deferred)
    }
  }

  fileprivate var failed: [Int] {
    (0..<recipients.count).filter { recipients[$0].state == .failed }
  }
}
