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
        case .delivered, .failed: break
        }
      }
      return earliest
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
      return []
    case .attempted(let attempt, let position):
      return finish(attempt, position, time)
    case .flushed(let ids, _):
      for id in ids { flush(id.number, time) }
      return []
    case .stoodStill(let total):
      standstill = max(standstill, total)
      return []
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

  private mutating func finish(_ attempt: Attempt, _ position: Position, _ time: Int64) -> [Extent] {
    let number = attempt.id.number
    guard var message = messages[number] else { return [] }
    for outcome in attempt.outcomes where outcome.index < message.recipients.count {
      var entry = message.recipients[outcome.index]
      guard entry.state != .delivered, entry.state != .failed else { continue }
      entry.attempts = UInt16(clamping: outcome.attempts)
      entry.isUncertain = entry.isUncertain || outcome.isUncertain
      if position != .unknown { entry.reply = position }
      switch outcome.result {
      case .delivered: entry.state = .delivered
      case .failed, .expired: entry.state = .failed
      case .deferred:
        entry.state = .deferred
        entry.due = time + min(max(outcome.next - attempt.wall, 0), policy.delayMax)
      }
      message.recipients[outcome.index] = entry
    }
    messages[number] = message
    let isDone = (0..<message.recipients.count).allSatisfy { message.recipients[$0].state == .delivered }
    guard isDone else {
      schedule(number, time)
      return []
    }
    remove(number)
    return message.allExtents
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
    order.noteGone { messages[$0] != nil }
  }

  // MARK: - Who is ready

  /// Finds the state of a message from its recipients, and puts it where it will be found when its time comes.
  private mutating func schedule(_ number: UInt64, _ time: Int64) {
    guard let message = messages[number] else { return }
    if message.isQuarantined { return setState(number, .quarantined) }
    if message.isLeased { return setState(number, .sending) }
    guard let earliest = message.earliestDue else { return setState(number, .failed) }
    if earliest <= time {
      // A message stands in its submitter's list once.
      if message.state != .queued { submitters.makeReady(number, of: message.submitter) }
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

  /// Makes deferred messages ready whose time has come. An entry that was overtaken by a later attempt is dropped: the
  /// message has another one.
  mutating func promote(_ time: Int64) {
    while let first = waiting.first, first.time <= time {
      _ = waiting.popFirst()
      guard let message = messages[first.number], message.state == .deferred, let due = message.earliestDue,
        due <= time
      else { continue }
      schedule(first.number, time)
    }
  }

  /// Forgets who was found ready or waiting while the log was read, and finds them again as of now.
  mutating func rebuildSchedule(_ time: Int64) {
    waiting = Heap()
    submitters.forgetReady()
    var after: UInt64 = 0
    while true {
      let page = order.page(after: after, limit: QueueLimits.pageMessagesMax)
      guard let last = page.last else { return }
      for number in page where messages[number] != nil {
        // Only a message that was not queued enters its submitter's list.
        setState(number, .failed)
        schedule(number, time)
      }
      after = last
    }
  }

  /// The next message in turn, with the indexes of its recipients that are ready; it counts as leased from now on.
  mutating func lease(_ time: Int64) -> (number: UInt64, indexes: [Int])? {
    promote(time)
    guard let number = submitters.takeNext(where: { messages[$0]?.state == .queued }) else { return nil }
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
    if !messages[number]!.isLeased { setState(number, .quarantined) }
  }

  /// Tells where the record of an attempt lies, once it is durable.
  mutating func locate(_ number: UInt64, _ indexes: [Int], at position: Position) {
    for index in indexes { messages[number]?.recipients[index].reply = position }
  }

  /// Queue time at which the next deferred message is ready; may be early, never late.
  var nextDue: Int64? { waiting.first?.time }

  // MARK: - Life

  /// Time that counts against the lifetime: standstill of the upstream does not.
  func age(_ message: Message, at time: Int64) -> Int64 {
    time - message.born - (standstill - message.standstill)
  }

  // MARK: - For the admin

  var queuedCount: Int { counts[Int(MessageState.queued.rawValue)] }

  func summary() -> QueueSummary {
    var summary = QueueSummary()
    summary.queued = counts[Int(MessageState.queued.rawValue)]
    summary.sending = counts[Int(MessageState.sending.rawValue)]
    summary.deferred = counts[Int(MessageState.deferred.rawValue)]
    summary.failed = counts[Int(MessageState.failed.rawValue)]
    summary.quarantined = counts[Int(MessageState.quarantined.rawValue)]
    summary.octets = octets
    var after: UInt64 = 0
    while summary.oldest == nil {
      let page = order.page(after: after, limit: QueueLimits.pageMessagesMax)
      guard let last = page.last else { break }
      summary.oldest = page.lazy.compactMap { messages[$0]?.received }.first
      after = last
    }
    return summary
  }
}
