// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// What an admin takes out of the queue, for a time or for good. As with other orders, each call may come from any thread
/// and takes a page under the lock at a time.
extension MessageQueue {
  /// These messages are out of the queue from now on, and erased after `keep` milliseconds unless `undrop` puts them back
  /// before. One that is being sent finishes its attempt first. They are one batch, whose number nobody else
  /// gets: `batch`, or a new one.
  package func drop(
    _ ids: [MessageID], keep: Int64, by actor: PeerText, into batch: UInt64? = nil, now: Instant
  ) -> (batch: UInt64, count: Int)? {
    var batch = batch
    var isAny = false
    let dropped = change(ids, page: QueueLimits.pageMessagesMax, now: now) { books, page, time in
      let found = page.filter { books.state.messages[$0.number]?.isDropped == false }
      guard !found.isEmpty else { return 0 }
      let number = batch ?? books.state.lastBatch + 1
      batch = number
      isAny = true
      let until = now.wall + max(0, keep.boundedTime)
      let order = DropOrder(ids: found, wall: now.wall, until: until, batch: number, by: actor)
      books.state.apply(.dropped(order), at: time)
      if !SeededFault.dropNotWritten { append(.dropped, head: EventRecord.payload(order)) }
      return found.count
    }
    guard isAny, let batch else { return nil }
    // The end of its time may be the next thing that is due.
    core.tellReady()
    return (batch, dropped)
  }

  /// What is left of a batch goes on as if nothing had been; this time does not count against lifetimes. Returns how many
  /// messages came back.
  package func undrop(batch: UInt64, now: Instant) -> Int {
    let ids = dropped(in: batch)
    var isNoticeDue = false
    let undropped = change(ids, page: QueueLimits.pageMessagesMax, now: now) { books, page, time in
      let found = page.filter { books.state.drops[$0.number]?.batch == batch }
      guard !found.isEmpty else { return 0 }
      let order = UndropOrder(ids: found, wall: now.wall, batch: batch)
      books.state.apply(.undropped(order), at: time)
      append(.undropped, head: EventRecord.payload(order))
      for id in found where books.offerNotice(id.number, isDelayed: false) { isNoticeDue = true }
      return found.count
    }
    if undropped > 0 { core.tellReady() }
    if isNoticeDue { core.tellNoticesDue() }
    return undropped
  }

  /// Ends these messages, and tells nobody. One that is being sent is passed over. Nothing brings them back.
  package func erase(_ ids: [MessageID], now: Instant) -> Int {
    change(ids, page: QueueLimits.pageMessagesMax, now: now) { books, page, time in
      let found = page.filter { books.state.messages[$0.number]?.isLeased == false }
      guard !found.isEmpty else { return 0 }
      erase(found, in: &books, time: time, wall: now.wall)
      return found.count
    }
  }

  /// Messages of a batch that are still dropped.
  package func dropped(in batch: UInt64) -> [MessageID] {
    core.books.withLock { $0.state.drops.numbers(of: batch) }.map(MessageID.init(number:))
  }

  /// Batches that `undrop` finds something of.
  package var droppedBatches: [UInt64] { core.books.withLock { $0.state.drops.batches.keys.sorted() } }

  /// The number of messages of each batch that `undrop` finds something of.
  package var droppedCounts: [UInt64: Int] { core.books.withLock { $0.state.drops.batches } }

  /// Under the lock.
  func erase(_ ids: [MessageID], in books: inout QueueCore.Books, time: Int64, wall: Int64) {
    let endings = ids.compactMap { id -> Ending? in
      guard core.finishedMail != nil, let message = books.state.messages[id.number] else { return nil }
      return Ending(erased: id, at: wall, message, submitter: books.state.submitters.name(message.submitter))
    }
    let finished = books.state.apply(.erased(ids, wall: wall), at: time)
    let ticket = books.addPending(.erasure(finished: finished, endings))
    if SeededFault.eraseNotWritten { return }
    append(.erased, head: EventRecord.payload(ids, wall: wall), ticket: ticket)
  }
}
