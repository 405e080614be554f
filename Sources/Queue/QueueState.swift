// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// What the queue has promised: every message that is not finished, with its recipients and their next attempts. It
/// changes by `apply` alone, at run time and in recovery; what is leased and who has a turn is kept beside that and
/// not written down. A value under the queue's lock; it never touches the disk.
struct QueueState: Sendable {
  var policy: QueuePolicy
  private(set) var messages: [UInt64: Message] = [:]
  private(set) var order = OrderedIDs()
  private(set) var submitters = Submitters()
  private var waiting = Heap<Due>()
  private(set) var holds = HoldTable()
  private(set) var standstill: Int64 = 0
  var lastNumber: UInt64 = 0
  private var counts = [Int](repeating: 0, count: MessageState.allCases.count)
  private var octets = 0

  /// About 90 octets, and one heap block with the envelope.
  struct Message: Sendable {
    var accepted: Extent
    var extents: [Extent]
    var recipients: RecipientTable
    /// Acceptance in queue time.
    var born: Int64
    /// Acceptance in wall time.
    var received: Int64
    var standstill: Int64
    /// With the prefix.
    var octets: Int
    var submitter: UInt32
    var headerOctets: UInt32
    var prefixOctets: UInt32
    var state: MessageState
    var isEightBit: Bool
    var body: BodyKind
    var isQuarantined = false
    var isLeased = false
    /// `holds` says by whom.
    var isHeld = false
    /// Its sender was told of the delay.
    var isWarned = false
    /// It stands in its submitter's ready list, perhaps no longer ready.
    var isListed = false

    /// Extents with the octets of this message, its record included.
    var allExtents: [Extent] { extents + [accepted] }

    /// Whether this recipient belongs to the lease of the message.
    func isLeased(_ index: Int) -> Bool {
      index >= 0 && index < recipients.count && recipients[index].isLeased
    }

    /// When the first of its recipients is ready; the beginning of time if one is, nil if none is left to try.
    var earliestDue: Int64? {
      var earliest: Int64?
      for index in 0..<recipients.count {
        let entry = recipients[index]
        switch entry.state {
        case .queued, .sending: return .min
        case .deferred: earliest = min(earliest ?? .max, entry.due)
        case .delivered, .failed, .reported: break
        }
      }
      return earliest
    }

    var isFinished: Bool {
      (0..<recipients.count).allSatisfy { recipients[$0].state.isFinished }
    }
  }

  private struct Due: Comparable, Sendable {
    var time: Int64
    var number: UInt64

    static func < (left: Due, right: Due) -> Bool {
      (left.time, left.number) < (right.time, right.number)
    }
  }

  init(policy: QueuePolicy) {
    self.policy = policy
  }

  // MARK: - The fold

  /// `time` is queue time. Returns the extents of a message that is finished by this event, which nothing needs any
  /// more once the event is durable. Events about messages that are not there change nothing: they were finished.
  @discardableResult
  mutating func apply(_ event: QueueEvent, at time: Int64) -> [Extent] {
    switch event {
    case .accepted(let acceptance, let extent):
      insert(acceptance, extent, time)
      return acceptance.report.map { end($0, time) } ?? []
    case .attempted(let attempt, let position):
      return record(attempt, position, time)
    case .flushed(let ids, _):
      for id in ids { flush(id.number, time) }
      return []
    case .stoodStill(let total):
      standstill = max(standstill, total)
      return []
    case .held(let order):
      for id in order.ids { hold(id.number, order, time) }
      return []
    case .released(let ids, _):
      for id in ids { release(id.number, time) }
      return []
    case .bounced(let bounce, let position):
      return record(bounce, position, time)
    }
  }

  private mutating func insert(_ acceptance: Acceptance, _ extent: Extent, _ time: Int64) {
    let number = acceptance.id.number
    guard messages[number] == nil else { return }
    lastNumber = max(lastNumber, number)
    // Where the log's head is gone, acceptances still tell how far the total had come.
    standstill = max(standstill, acceptance.standstill)
    messages[number] = Message(
      accepted: extent, extents: acceptance.extents,
      recipients: RecipientTable(sender: acceptance.envelope.sender, recipients: acceptance.envelope.recipients),
      born: time, received: acceptance.wall, standstill: acceptance.standstill, octets: acceptance.octets,
      submitter: submitters.enter(acceptance.origin.submitter),
      headerOctets: UInt32(clamping: acceptance.hints.headerOctets), prefixOctets: UInt32(acceptance.prefixOctets),
      state: .failed, isEightBit: acceptance.hints.isEightBit, body: acceptance.envelope.body)
    counts[Int(MessageState.failed.rawValue)] += 1
    octets += acceptance.octets
    order.insert(number)
    schedule(number, time)
  }

  private mutating func record(_ attempt: Attempt, _ position: Position, _ time: Int64) -> [Extent] {
    let number = attempt.id.number
    guard var message = messages[number] else { return [] }
    let hasSender = message.recipients.hasSender
    for outcome in attempt.outcomes where outcome.index < message.recipients.count {
      var entry = message.recipients[outcome.index]
      guard entry.state.isOpen else { continue }
      entry.attempts = UInt16(clamping: outcome.attempts)
      entry.isUncertain = entry.isUncertain || outcome.isUncertain
      if position != .unknown { entry.reply = position }
      switch outcome.result {
      case .delivered: entry.state = .delivered
      case .failed, .expired: entry.fail(position, isTold: hasSender)
      case .deferred:
        entry.state = .deferred
        entry.due = time + min(max(outcome.next - attempt.wall, 0), policy.delayMax)
      }
      message.recipients[outcome.index] = entry
    }
    messages[number] = message
    return conclude(number, time)
  }

  private mutating func record(_ bounce: Bounce, _ position: Position, _ time: Int64) -> [Extent] {
    let number = bounce.id.number
    guard var message = messages[number] else { return [] }
    let isTold = bounce.isReported && message.recipients.hasSender
    for index in bounce.indexes where index < message.recipients.count {
      var entry = message.recipients[index]
      if entry.state.isOpen {
        entry.fail(position, isTold: isTold)
      } else if entry.state == .failed, !isTold {
        entry.state = .reported
      }
      message.recipients[index] = entry
    }
    messages[number] = message
    return conclude(number, time)
  }

  /// What is told is finished. It may name recipients that have not failed: then the record that said so is damaged.
  private mutating func end(_ report: NoticeReport, _ time: Int64) -> [Extent] {
    let number = report.id.number
    guard var message = messages[number] else { return [] }
    switch report.kind {
    case .delayed:
      messages[number]!.isWarned = true
      return []
    case .failed:
      for index in report.indexes where index < message.recipients.count {
        var entry = message.recipients[index]
        if entry.state != .delivered { entry.state = .reported }
        message.recipients[index] = entry
      }
      messages[number] = message
      return conclude(number, time)
    }
  }

  /// After recipients have changed: removes a message that is finished.
  private mutating func conclude(_ number: UInt64, _ time: Int64) -> [Extent] {
    guard let message = messages[number] else { return [] }
    if message.isFinished {
      remove(number)
      return message.allExtents
    }
    if message.isHeld, message.earliestDue == nil { endHold(number, time) }
    schedule(number, time)
    return []
  }

  private mutating func hold(_ number: UInt64, _ order: HoldOrder, _ time: Int64) {
    guard messages[number]?.earliestDue != nil else { return }
    messages[number]!.isHeld = true
    holds.insert(order, number, time: time, standstill: standstill)
    schedule(number, time)
  }

  private mutating func release(_ number: UInt64, _ time: Int64) {
    guard messages[number]?.isHeld == true else { return }
    endHold(number, time)
    schedule(number, time)
  }

  /// What the hold added to the life of the message becomes a part of the message.
  private mutating func endHold(_ number: UInt64, _ time: Int64) {
    messages[number]!.isHeld = false
    messages[number]!.standstill -= holds.lengthening(number, at: time, standstill: standstill)
    holds.remove(number)
  }

  private mutating func flush(_ number: UInt64, _ time: Int64) {
    guard let message = messages[number] else { return }
    for index in 0..<message.recipients.count {
      let entry = message.recipients[index]
      if entry.state == .deferred { messages[number]!.recipients[index].due = min(entry.due, time) }
    }
    schedule(number, time)
  }

  private mutating func remove(_ number: UInt64) {
    guard let message = messages.removeValue(forKey: number) else { return }
    counts[Int(message.state.rawValue)] -= 1
    octets -= message.octets
    submitters.leave(message.submitter)
    holds.remove(number)
    order.noteGone { messages[$0] != nil }
  }

  // MARK: - Who is ready

  /// Finds the state of a message from its recipients, and puts it where it will be found when its time comes.
  private mutating func schedule(_ number: UInt64, _ time: Int64) {
    guard let message = messages[number] else { return }
    guard let earliest = message.earliestDue else { return setState(number, .failed) }
    if message.isQuarantined { return setState(number, .quarantined) }
    if message.isLeased { return setState(number, .sending) }
    if message.isHeld {
      setState(number, .held)
      if let due = holds[number]?.due { waiting.insert(Due(time: due, number: number)) }
    } else if earliest <= time {
      if !message.isListed {
        messages[number]!.isListed = true
        submitters.makeReady(number, of: message.submitter)
      }
      setState(number, .queued)
    } else {
      setState(number, .deferred)
      waiting.insert(Due(time: earliest, number: number))
    }
  }

  private mutating func setState(_ number: UInt64, _ state: MessageState) {
    guard let old = messages[number]?.state, old != state else { return }
    counts[Int(old.rawValue)] -= 1
    counts[Int(state.rawValue)] += 1
    messages[number]!.state = state
  }

  /// Makes deferred messages ready whose time has come, and returns held ones whose hold is to be ended now, a page of
  /// them at most: the rest are due still. An entry that was overtaken by a later attempt or order is dropped: the message
  /// has another one.
  mutating func promote(_ time: Int64) -> (ended: [MessageID], isAnyReady: Bool) {
    var ended: [MessageID] = []
    var isAnyReady = false
    while let first = waiting.first, first.time <= time, ended.count < QueueLimits.pageMessagesMax {
      _ = waiting.popFirst()
      guard let message = messages[first.number] else { continue }
      switch message.state {
      case .deferred:
        guard let due = message.earliestDue, due <= time else { continue }
        schedule(first.number, time)
        isAnyReady = true
      case .held:
        if let due = holds[first.number]?.due, due <= time { ended.append(MessageID(number: first.number)) }
      case .queued, .sending, .failed, .quarantined: break
      }
    }
    return (ended, isAnyReady)
  }

  /// Forgets who was found ready or waiting while the log was read, and finds them again as of now, which is `time` in
  /// queue time.
  mutating func rebuildSchedule(_ time: Int64, wall: Int64) {
    holds.rebase(wall: wall, time: time)
    waiting = Heap()
    submitters.forgetReady()
    var after: UInt64 = 0
    while true {
      let page = order.page(after: after, limit: QueueLimits.pageMessagesMax)
      guard let last = page.last else { return }
      for number in page where messages[number] != nil {
        messages[number]!.isListed = false
        schedule(number, time)
      }
      after = last
    }
  }

  /// The next message in turn, with the indexes of its recipients that are ready; it counts as leased from now on.
  mutating func lease(_ time: Int64) -> (number: UInt64, indexes: [Int])? {
    let next = submitters.takeNext { number in
      messages[number]?.isListed = false
      return messages[number]?.state == .queued
    }
    guard let number = next else { return nil }
    var indexes: [Int] = []
    for index in 0..<messages[number]!.recipients.count {
      var entry = messages[number]!.recipients[index]
      guard entry.state == .queued || (entry.state == .deferred && entry.due <= time) else { continue }
      entry.isLeased = true
      messages[number]!.recipients[index] = entry
      indexes.append(index)
    }
    messages[number]!.isLeased = true
    setState(number, .sending)
    return (number, indexes)
  }

  /// Ends a lease: its recipients stand as they did before it. An attempt or `schedule` follows.
  mutating func endLease(_ number: UInt64, _ indexes: [Int]) {
    guard messages[number] != nil else { return }
    messages[number]!.isLeased = false
    for index in indexes { messages[number]!.recipients[index].isLeased = false }
  }

  /// Puts a message back whose lease came to nothing: whatever was ready then is ready now.
  mutating func restore(_ number: UInt64, _ indexes: [Int]) {
    endLease(number, indexes)
    guard let message = messages[number] else { return }
    schedule(number, indexes.map { message.recipients[$0].due }.max() ?? .min)
  }

  mutating func quarantine(_ number: UInt64) {
    guard messages[number] != nil else { return }
    messages[number]!.isQuarantined = true
    let message = messages[number]!
    if !message.isLeased, message.earliestDue != nil { setState(number, .quarantined) }
  }

  /// Tells where the record of an attempt lies, once it is durable.
  mutating func locate(_ number: UInt64, _ indexes: [Int], at position: Position) {
    for index in indexes { messages[number]?.recipients[index].reply = position }
  }

  /// Queue time at which the next deferred message is ready; may be early, never late.
  var nextDue: Int64? { waiting.first?.time }

  // MARK: - Life

  /// Time that counts against the lifetime: standstill of the upstream does not, nor does a hold.
  func age(_ number: UInt64, _ message: Message, at time: Int64) -> Int64 {
    time - message.born - lengthening(number, message, at: time)
  }

  /// Milliseconds by which the life of a message is longer than the policy's.
  func lengthening(_ number: UInt64, _ message: Message, at time: Int64) -> Int64 {
    standstill - message.standstill + holds.lengthening(number, at: time, standstill: standstill)
  }

  /// Recipients that a notification of this kind would be about now. Of a failure that is not durable yet nobody is
  /// told.
  func reportable(_ number: UInt64, _ kind: Notice.Kind) -> [Int] {
    guard let message = messages[number], message.recipients.hasSender, kind == .failed || !message.isWarned else {
      return []
    }
    let state: RecipientState = kind == .failed ? .failed : .deferred
    return (0..<message.recipients.count).filter { index in
      let entry = message.recipients[index]
      return entry.state == state && entry.reply != .unknown
    }
  }

  // MARK: - For the admin

  var queuedCount: Int { counts[Int(MessageState.queued.rawValue)] }

  mutating func summary() -> QueueSummary {
    var summary = QueueSummary()
    summary.queued = counts[Int(MessageState.queued.rawValue)]
    summary.sending = counts[Int(MessageState.sending.rawValue)]
    summary.deferred = counts[Int(MessageState.deferred.rawValue)]
    summary.failed = counts[Int(MessageState.failed.rawValue)]
    summary.quarantined = counts[Int(MessageState.quarantined.rawValue)]
    summary.held = counts[Int(MessageState.held.rawValue)]
    summary.octets = octets
    summary.oldest = order.first { messages[$0] != nil }.flatMap { messages[$0]?.received }
    return summary
  }
}

extension RecipientState {
  /// It may be tried again.
  fileprivate var isOpen: Bool {
    switch self {
    case .queued, .sending, .deferred: true
    case .delivered, .failed, .reported: false
    }
  }

  fileprivate var isFinished: Bool { self == .delivered || self == .reported }
}

extension RecipientTable.Entry {
  /// `isTold` is false if there is nobody to tell. The reply of an earlier attempt must not stand for the one that
  /// failed it.
  fileprivate mutating func fail(_ position: Position, isTold: Bool) {
    state = isTold ? .failed : .reported
    reply = position
  }
}
