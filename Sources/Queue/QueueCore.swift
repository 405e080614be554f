// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import Synchronization
import WAL

/// The queue's state under its one lock, and what is under way between the queue and its log: records that wait for
/// their sync, drafts, leases. The log tells it what became of each record. It never calls the log, so that the log
/// may own it.
final class QueueCore: LogOwner {
  let books: Mutex<Books>
  /// Called without a lock when a message has become ready.
  private let ready: @Sendable () -> Void
  /// Called without a lock when there is a new notice.
  private let noticesDue: @Sendable () -> Void

  struct Books: Sendable {
    var state: QueueState
    var clock: QueueClock
    var ledger: SegmentLedger
    var notices = NoticeBoard()
    var pending: [UInt64: Pending] = [:]
    private var lastTicket: UInt64 = 0
    /// Segments of the chunks of each body that is still arriving.
    var drafts: [UInt64: [UInt32]] = [:]
    private var lastDraft: UInt64 = 0
    var leases: [UInt64: (number: UInt64, indexes: [Int])] = [:]
    private var lastLease: UInt64 = 0
    /// Something was let go since the log was last told what it may remove.
    var mayRetire = true

    init(state: QueueState, clock: QueueClock, ledger: SegmentLedger) {
      self.state = state
      self.clock = clock
      self.ledger = ledger
    }

    mutating func addPending(_ entry: Pending) -> UInt64 {
      lastTicket += 1
      pending[lastTicket] = entry
      return lastTicket
    }

    mutating func openDraft() -> UInt64 {
      lastDraft += 1
      drafts[lastDraft] = []
      return lastDraft
    }

    mutating func addLease(_ number: UInt64, _ indexes: [Int]) -> UInt64 {
      lastLease += 1
      leases[lastLease] = (number, indexes)
      return lastLease
    }

    /// Gives up what a finished message had.
    mutating func release(_ extents: [Extent]) {
      for extent in extents { ledger.remove(extent) }
      if !extents.isEmpty { mayRetire = true }
    }

    /// Gives up the segments of a draft's chunks.
    mutating func unpin(_ segments: [UInt32]) {
      for segment in segments { ledger.unpin(segment) }
      if !segments.isEmpty { mayRetire = true }
    }
  }

  /// What a ticket of the log stands for.
  enum Pending: Sendable {
    case content(draft: UInt64, Waiter)
    case acceptance(Acceptance, time: Int64, pins: [UInt32], NoticeBoard.Given?, Waiter)
    /// Recipients whose last reply this record holds, and extents that nothing needs once it is durable.
    case change(number: UInt64, indexes: [Int], isDelayed: Bool = false, finished: [Extent])
  }

  init(books: Books, ready: @escaping @Sendable () -> Void, noticesDue: @escaping @Sendable () -> Void) {
    self.books = Mutex(books)
    self.ready = ready
    self.noticesDue = noticesDue
  }

  // MARK: - From the log

  func settle(_ settlements: [Settlement]) -> UInt32 {
    var mail = Completions()
    var isReady = false
    var isNoticeDue = false
    let needed: UInt32 = books.withLock { books in
      for settlement in settlements {
        guard let entry = books.pending.removeValue(forKey: settlement.ticket) else { continue }
        switch (entry, settlement.result) {
        case (.content(let draft, let waiter), .durable(let extent)):
          if books.drafts[draft] != nil {
            books.drafts[draft]!.append(extent.segment)
            books.ledger.pin(extent.segment)
          }
          mail.add(.stored(extent), waiter)
        case (.content(_, let waiter), .failed(let failure)):
          mail.add(.failed(failure), waiter)
        case (.acceptance(let acceptance, let time, let pins, let notice, let waiter), .durable(let extent)):
          books.release(books.state.apply(.accepted(acceptance, extent), at: time))
          for extent in acceptance.extents + [extent] { books.ledger.add(extent) }
          books.unpin(pins)
          if let notice, books.end(notice) { isNoticeDue = true }
          isReady = true
          mail.add(.accepted(acceptance.id), waiter)
        case (.acceptance(_, _, let pins, let notice, let waiter), .failed(let failure)):
          books.unpin(pins)
          if let notice, books.end(notice) { isNoticeDue = true }
          mail.add(.failed(failure), waiter)
        case (.change(let number, let indexes, let isDelayed, let finished), .durable(let extent)):
          books.state.locate(number, indexes, at: extent.position)
          books.release(finished)
          if books.offerNotice(number, isDelayed: isDelayed) { isNoticeDue = true }
        case (.change, .failed):
          preconditionFailure("the log gave up a change that it must write again")
        }
      }
      guard books.mayRetire else { return 0 }
      books.mayRetire = false
      return books.ledger.lowestNeeded
    }
    mail.deliver()
    if isReady { ready() }
    if isNoticeDue { noticesDue() }
    return needed
  }

  // MARK: - From drafts, leases and notices that end

  func abandon(_ draft: UInt64) {
    books.withLock { books in
      if let segments = books.drafts.removeValue(forKey: draft) { books.unpin(segments) }
    }
  }

  func giveBack(_ lease: UInt64) {
    books.withLock { books in
      guard let (number, indexes) = books.leases.removeValue(forKey: lease) else { return }
      books.state.restore(number, indexes)
    }
  }

  func giveBack(notice: UInt64) {
    books.withLock { books in
      if let given = books.claim(notice: notice) { _ = books.end(given) }
    }
  }

  func quarantine(_ id: MessageID) {
    books.withLock { $0.state.quarantine(id.number) }
  }

  func tellReady() {
    ready()
  }

  func tellNoticesDue() {
    noticesDue()
  }
}

/// Completions sorted by who gets them.
private struct Completions {
  private var places: [ObjectIdentifier: Int] = [:]
  private var letters: [(receiver: any CompletionReceiver, completions: [(token: UInt64, completion: Completion)])] = []

  mutating func add(_ completion: Completion, _ waiter: Waiter) {
    let key = ObjectIdentifier(waiter.receiver)
    if let place = places[key] {
      letters[place].completions.append((waiter.token, completion))
    } else {
      places[key] = letters.count
      letters.append((waiter.receiver, [(waiter.token, completion)]))
    }
  }

  func deliver() {
    for letter in letters { letter.receiver.receive(letter.completions) }
  }
}
