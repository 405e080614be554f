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
  /// Called without a lock when the log should be compacted.
  private let compactionDue: @Sendable () -> Void
  /// nil: nobody wants to know.
  let finishedMail: (any FinishedMail)?

  struct Books: Sendable {
    var state: QueueState
    var clock: QueueClock
    var ledger: SegmentLedger
    var notices = NoticeBoard()
    var pending: [UInt64: Pending] = [:]
    private var lastTicket: UInt64 = 0
    /// The chunks of each body that is still arriving.
    var drafts: [UInt64: [Extent]] = [:]
    private var lastDraft: UInt64 = 0
    var leases: [UInt64: Leased] = [:]
    private var lastLease: UInt64 = 0
    /// Something was let go since it was last seen what the log may remove.
    var mayRetire = true
    /// Everything below may be removed: a `kept` that says so is durable, or about to be.
    var floor: UInt32
    var floorAsked: UInt32
    var compaction = CompactionNeed()

    struct Leased: Sendable {
      var number: UInt64
      var indexes: [Int]
      /// Segments that the message has left since, and that may still be read.
      var pins: [UInt32] = []
    }

    init(state: QueueState, clock: QueueClock, ledger: SegmentLedger, floor: UInt32) {
      self.state = state
      self.clock = clock
      self.ledger = ledger
      self.floor = floor
      floorAsked = floor
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
      leases[lastLease] = Leased(number: number, indexes: indexes)
      return lastLease
    }

    mutating func endLease(_ lease: UInt64) -> Leased? {
      guard let leased = leases.removeValue(forKey: lease) else { return nil }
      unpin(leased.pins)
      return leased
    }

    /// An outcome of this message is on its way to the disk.
    mutating func addChange(
      _ number: UInt64, _ indexes: [Int], isDelayed: Bool = false, finished: [Extent], _ ending: Ending? = nil
    ) -> UInt64 {
      state.messages[number]?.unsettled += 1
      return addPending(.change(number: number, indexes: indexes, isDelayed: isDelayed, finished: finished, ending))
    }

    /// Gives up what a finished message had.
    mutating func release(_ extents: [Extent]) {
      for extent in extents { ledger.remove(extent) }
      if !extents.isEmpty { mayRetire = true }
    }

    /// Gives up segments that were kept for a reader.
    mutating func unpin(_ segments: [UInt32]) {
      for segment in segments { ledger.unpin(segment) }
      if !segments.isEmpty { mayRetire = true }
    }
  }

  /// What a ticket of the log stands for.
  enum Pending: Sendable {
    case content(draft: UInt64, Waiter)
    case acceptance(Acceptance, time: Int64, chunks: [Extent], NoticeBoard.Given?, Waiter)
    /// Recipients whose last reply this record holds, and extents that nothing needs once it is durable.
    case change(number: UInt64, indexes: [Int], isDelayed: Bool = false, finished: [Extent], Ending? = nil)
    case erasure(finished: [Extent], [Ending])
    /// Chunks that were copied for it, and those of the content that cannot be read any more.
    case move(MovedMessage, chunks: [Extent], lost: [Extent], Waiter)
    /// The same of a message that comes from another spool.
    case arrival(MovedMessage, time: Int64, chunks: [Extent], Waiter)
    case kept(floor: UInt32)
  }

  init(
    books: Books, finishedMail: (any FinishedMail)? = nil, ready: @escaping @Sendable () -> Void,
    noticesDue: @escaping @Sendable () -> Void, compactionDue: @escaping @Sendable () -> Void
  ) {
    self.books = Mutex(books)
    self.finishedMail = finishedMail
    self.ready = ready
    self.noticesDue = noticesDue
    self.compactionDue = compactionDue
  }

  // MARK: - From the log

  func settle(_ settlements: [Settlement]) -> UInt32 {
    var mail = Completions()
    var endings: [Ending] = []
    var isReady = false
    var isNoticeDue = false
    let needed: UInt32 = books.withLock { books in
      for settlement in settlements {
        guard let entry = books.pending.removeValue(forKey: settlement.ticket) else { continue }
        switch (entry, settlement.result) {
        case (.content(let draft, let waiter), .durable(let extent)):
          if books.drafts[draft] != nil, !SeededFault.draftNotPinned {
            books.drafts[draft]!.append(extent)
            books.ledger.add(extent)
          }
          mail.add(.stored(extent), waiter)
        case (.content(_, let waiter), .failed(let failure)):
          mail.add(.failed(failure), waiter)
        case (.acceptance(let acceptance, let time, let chunks, let notice, let waiter), .durable(let extent)):
          books.release(books.state.apply(.accepted(acceptance, extent), at: time))
          for extent in acceptance.extents + [extent] { books.ledger.add(extent) }
          books.release(chunks)
          if let notice, books.end(notice) { isNoticeDue = true }
          isReady = true
          mail.add(.accepted(acceptance.id), waiter)
        case (.acceptance(_, _, let chunks, let notice, let waiter), .failed(let failure)):
          books.release(chunks)
          if let notice, books.end(notice) { isNoticeDue = true }
          mail.add(.failed(failure), waiter)
        case (.change(let number, let indexes, let isDelayed, let finished, let ending), .durable(let extent)):
          books.state.messages[number]?.unsettled -= 1
          books.state.locate(number, indexes, at: extent.position)
          books.release(finished)
          if books.offerNotice(number, isDelayed: isDelayed) { isNoticeDue = true }
          if let ending { endings.append(ending) }
        case (.erasure(let finished, let ended), .durable):
          books.release(finished)
          endings += ended
        case (.move(let moved, let chunks, let lost, let waiter), .durable(let extent)):
          books.settle(moved, extent, lost: lost)
          books.release(chunks)
          mail.add(.stored(extent), waiter)
        case (.move(_, let chunks, _, let waiter), .failed(let failure)):
          books.release(chunks)
          mail.add(.failed(failure), waiter)
        case (.arrival(let moved, let time, let chunks, let waiter), .durable(let extent)):
          books.state.apply(.moved(moved, extent), at: time)
          for extent in moved.acceptance.extents + [extent] { books.ledger.add(extent) }
          books.release(chunks)
          mail.add(.stored(extent), waiter)
        case (.arrival(_, _, let chunks, let waiter), .failed(let failure)):
          books.release(chunks)
          mail.add(.failed(failure), waiter)
        case (.kept(let floor), .durable):
          books.floor = max(books.floor, floor)
        case (.change, .failed), (.erasure, .failed), (.kept, .failed):
          preconditionFailure("the log gave up a change that it must write again")
        }
      }
      return books.floor
    }
    mail.deliver()
    if isReady { ready() }
    if isNoticeDue { noticesDue() }
    if !endings.isEmpty { finishedMail?.finished(endings) }
    return needed
  }

  var damagedSegments: Set<UInt32> { books.withLock { $0.ledger.damaged } }

  /// Facts of the head are written again before it goes, so that its going can be told from its loss.
  func stepped(_ use: LogUse) -> [OwnRecord] {
    let (records, isCompactionDue) = books.withLock { books -> ([OwnRecord], Bool) in
      (books.takeFloor(use), books.askForCompaction(use))
    }
    if isCompactionDue { compactionDue() }
    return records
  }

  func tellCompactionDue() {
    compactionDue()
  }

  // MARK: - From drafts, leases and notices that end

  func abandon(_ draft: UInt64) {
    books.withLock { books in
      if let chunks = books.drafts.removeValue(forKey: draft) { books.release(chunks) }
    }
  }

  func giveBack(_ lease: UInt64) {
    books.withLock { books in
      guard let leased = books.endLease(lease) else { return }
      books.state.restore(leased.number, leased.indexes)
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
