// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// What the queue has promised: every message that is not finished, with its recipients and their next attempts. It
/// changes by `apply` alone, at run time and in recovery; what is leased and who has a turn is kept beside that and
/// not written down. A value under the queue's lock; it never touches the disk.
struct QueueState: Sendable {
  var policy: QueuePolicy
  var messages = MessageTable()
  var order = OrderedIDs()
  var submitters = Submitters()
  var lanes = Lanes()
  var answerers = Answerers()
  var waiting = Heap<Due>()
  var holds = HoldTable()
  var drops = DropTable()
  var standstill: Int64 = 0
  var lastNumber: UInt64 = 0
  /// The last batch of messages that somebody dropped.
  var lastBatch: UInt64 = 0
  /// Spools whose messages were taken over.
  var adopted: [AdoptedSpool] = []
  var counts = [Int](repeating: 0, count: MessageState.allCases.count)
  var octets = 0
  /// Of these, octets of dropped messages.
  var droppedOctets = 0

  struct Due: Comparable, Sendable {
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

  /// `time` is queue time. Returns the extents of a message that is finished by this event, or that it has left, which nothing
  /// needs any more once the event is durable. Events about messages that are not there change nothing: they were finished.
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
    case .moved(let moved, let extent):
      return relocate(moved, extent, time)
    case .kept(let facts):
      standstill = max(standstill, facts.standstill)
      noteBatch(facts.lastBatch)
      for spool in facts.adopted { note(spool) }
      return []
    case .adopted(let spool):
      note(spool)
      return []
    case .dropped(let order):
      noteBatch(order.batch)
      for id in order.ids { drop(id.number, order, time) }
      return []
    case .undropped(let order):
      for id in order.ids where drops[id.number]?.batch == order.batch { undrop(id.number, time) }
      return []
    case .erased(let ids, _):
      return ids.flatMap { erase($0.number) }
    }
  }

  mutating func noteBatch(_ batch: UInt64) {
    if batch <= QueueLimits.countedMax { lastBatch = max(lastBatch, batch) }
  }

  mutating func noteNumber(_ number: UInt64) {
    if number <= QueueLimits.countedMax { lastNumber = max(lastNumber, number) }
  }

  mutating func note(_ spool: AdoptedSpool) {
    if let place = adopted.firstIndex(where: { $0.spool == spool.spool }) {
      adopted[place].highest = max(adopted[place].highest, spool.highest)
    } else {
      adopted.append(spool)
    }
  }

  mutating func insert(_ acceptance: Acceptance, _ extent: Extent, _ time: Int64) {
    let number = acceptance.id.number
    guard messages[number] == nil else { return }
    noteNumber(number)
    // Where the log's head is gone, acceptances still tell how far the total had come.
    standstill = max(standstill, acceptance.standstill)
    messages[number] = Message(
      accepted: extent, extents: acceptance.extents,
      recipients: RecipientTable(acceptance.envelope),
      born: time, received: acceptance.wall, standstill: acceptance.standstill, octets: acceptance.octets,
      submitter: submitters.enter(MailSource(acceptance.origin)),
      headerOctets: UInt32(clamping: acceptance.hints.headerOctets), prefixOctets: UInt32(acceptance.prefixOctets),
      state: .failed, isEightBit: acceptance.hints.isEightBit,
      needsUTF8: acceptance.envelope.isUTF8 && acceptance.hints.isHeaderEightBit, isUTF8: acceptance.envelope.isUTF8,
      body: acceptance.envelope.body)
    counts[Int(MessageState.failed.rawValue)] += 1
    octets += acceptance.octets
    order.insert(number)
    assignLanes(number, acceptance.envelope)
    schedule(number, time)
  }

  private mutating func record(_ attempt: Attempt, _ position: Position, _ time: Int64) -> [Extent] {
    let number = attempt.id.number
    guard var message = messages[number] else { return [] }
    for outcome in attempt.outcomes where outcome.index < message.recipients.count {
      var entry = message.recipients[outcome.index]
      guard entry.state.isOpen else { continue }
      entry.attempts = UInt16(clamping: outcome.attempts)
      entry.isUncertain = entry.isUncertain || outcome.isUncertain
      if position != .unknown { entry.reply = position }
      switch outcome.result {
      case .delivered: entry.state = .delivered
      case .relayed:
        entry.state = message.recipients.isTold(outcome.index, of: .success) ? .relayed : .delivered
        entry.reply = position
      case .failed, .expired:
        entry.fail(position, isTold: message.recipients.isTold(outcome.index, of: .failure))
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
    for index in bounce.indexes where index < message.recipients.count {
      var entry = message.recipients[index]
      if entry.state.isOpen {
        entry.fail(position, isTold: bounce.isReported && message.recipients.isTold(index, of: .failure))
        entry.answerer = 0
      } else if entry.state == .failed, !bounce.isReported {
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
        if entry.state != .delivered, entry.state != .relayed { entry.state = .reported }
        message.recipients[index] = entry
      }
      messages[number] = message
      return conclude(number, time)
    case .relayed:
      for index in report.indexes where index < message.recipients.count {
        var entry = message.recipients[index]
        if entry.state != .failed, entry.state != .reported { entry.state = .delivered }
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

  mutating func remove(_ number: UInt64) {
    withdraw(number)
    guard let message = messages.remove(number) else { return }
    counts[Int(message.state.rawValue)] -= 1
    octets -= message.octets
    if message.state == .dropped { droppedOctets -= message.octets }
    submitters.leave(message.submitter)
    holds.remove(number)
    drops.remove(number)
    order.noteGone { messages.contains($0) }
  }

  // MARK: - For the admin

  var queuedCount: Int { counts[Int(MessageState.queued.rawValue)] }

  mutating func summary() -> QueueSummary {
    var summary = QueueSummary()
    summary.queued = counts[Int(MessageState.queued.rawValue)]
    summary.sending = counts[Int(MessageState.sending.rawValue)]
    summary.deferred = counts[Int(MessageState.deferred.rawValue)]
    summary.failed = counts[Int(MessageState.failed.rawValue)]
    summary.relayed = counts[Int(MessageState.relayed.rawValue)]
    summary.quarantined = counts[Int(MessageState.quarantined.rawValue)]
    summary.held = counts[Int(MessageState.held.rawValue)]
    summary.dropped = counts[Int(MessageState.dropped.rawValue)]
    summary.octets = octets - droppedOctets
    summary.droppedOctets = droppedOctets
    summary.oldest = order.first(
      where: { messages.contains($0) }, isMeant: { messages[$0]?.state != .dropped }
    ).flatMap { messages[$0]?.received }
    return summary
  }
}

extension RecipientTable.Entry {
  /// `isTold` is false if there is nobody to tell. The reply of an earlier attempt must not stand for the one that
  /// failed it.
  fileprivate mutating func fail(_ position: Position, isTold: Bool) {
    state = isTold ? .failed : .reported
    reply = position
  }
}
