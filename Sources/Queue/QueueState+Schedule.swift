// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// Who is ready, who waits and for how long, and whose turn it is. None of it is written down: it is found again.
extension QueueState {
  /// Finds the state of a message from its recipients, and puts it where it will be found when its time comes.
  mutating func schedule(_ number: UInt64, _ time: Int64) {
    guard let message = messages[number] else { return }
    if message.isDropped, !message.isLeased {
      setState(number, .dropped)
      if let due = drops[number]?.term.due { waiting.insert(Due(time: due, number: number)) }
      return
    }
    guard let earliest = message.earliestDue else { return setState(number, message.toTell) }
    if message.isQuarantined { return setState(number, .quarantined) }
    if message.isLeased { return setState(number, .sending) }
    if message.isHeld {
      setState(number, .held)
      if let term = holds[number]?.term, let due = term.believed ?? term.due {
        waiting.insert(Due(time: due, number: number))
      }
    } else if earliest <= time {
      makeReady(number, time)
    } else {
      setState(number, .deferred)
      waiting.insert(Due(time: earliest, number: number))
    }
  }

  mutating func setState(_ number: UInt64, _ state: MessageState) {
    guard let old = messages[number]?.state, old != state else { return }
    withdraw(number)
    counts[Int(old.rawValue)] -= 1
    counts[Int(state.rawValue)] += 1
    if old == .dropped { droppedOctets -= messages[number]!.octets }
    if state == .dropped { droppedOctets += messages[number]!.octets }
    messages[number]!.state = state
  }

  /// Makes deferred messages ready whose time has come, and returns held ones whose hold is to be ended now and dropped
  /// ones to be erased, a page of each at most: the rest are due still. An entry that was overtaken by a later attempt or
  /// order counts for nothing: the message has another one.
  mutating func promote(_ time: Int64, wall: Int64) -> (ended: [MessageID], erased: [MessageID], isAnyReady: Bool) {
    var ended: [MessageID] = []
    var erased: [MessageID] = []
    var isAnyReady = false
    while let first = waiting.first, first.time <= time, max(ended.count, erased.count) < QueueLimits.pageMessagesMax {
      _ = waiting.popFirst()
      guard let message = messages[first.number] else { continue }
      switch message.state {
      case .deferred:
        guard let due = message.earliestDue, due <= time else { continue }
        schedule(first.number, time)
        isAnyReady = true
      case .held:
        guard let end = holds[first.number]?.term.end(at: time, wall: wall) else { continue }
        if end <= time {
          ended.append(MessageID(number: first.number))
        } else {
          waiting.insert(Due(time: end, number: first.number))
        }
      case .dropped:
        // Every time that it was put here it left an entry.
        let id = MessageID(number: first.number)
        if let due = drops[first.number]?.term.due, due <= time, !erased.contains(id) { erased.append(id) }
      case .queued:
        guard let due = message.recipients.nextDueInOtherLanes, due <= time else { continue }
        schedule(first.number, time)
        isAnyReady = true
      case .sending, .failed, .relayed, .quarantined: break
      }
    }
    return (ended, erased, isAnyReady)
  }

  /// Forgets who was found waiting while the log was read, and finds who waits and who is ready as of now, which is
  /// `time` in queue time.
  mutating func rebuildSchedule(_ time: Int64) {
    holds.rebase(time: time)
    drops.rebase(time: time)
    waiting = Heap()
    while routePage(each: { $0.schedule($1, time) }) {}
  }

  /// The next message in turn of this lane, with the indexes of its recipients there that are ready; it counts as leased
  /// from now on.
  mutating func lease(_ lane: Lane, _ time: Int64) -> (number: UInt64, indexes: [Int])? {
    guard let number = takeNext(lane) else { return nil }
    var indexes: [Int] = []
    for index in 0..<messages[number]!.recipients.count {
      var entry = messages[number]!.recipients[index]
      guard entry.lane == lane.number, entry.isDue(time) else { continue }
      entry.isLeased = true
      messages[number]!.recipients[index] = entry
      indexes.append(index)
    }
    messages[number]!.isLeased = true
    setState(number, .sending)
    if SeededFault.leasedTwice { restore(number, indexes) }
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

  /// While the log is read; `rebuildSchedule` follows.
  mutating func setQuarantined(_ number: UInt64, _ isQuarantined: Bool) {
    messages[number]?.isQuarantined = isQuarantined
    if isQuarantined { quarantine(number) }
  }

  mutating func quarantine(_ number: UInt64) {
    guard messages[number] != nil else { return }
    messages[number]!.isQuarantined = true
    let message = messages[number]!
    if !message.isLeased, !message.isDropped, message.earliestDue != nil { setState(number, .quarantined) }
  }

  /// Tells where the record of an attempt lies, once it is durable.
  mutating func locate(_ number: UInt64, _ indexes: [Int], at position: Position) {
    for index in indexes { messages[number]?.recipients[index].reply = position }
  }

  /// Queue time at which the next deferred message is ready, or something else is to be done; may be early, never late.
  var nextDue: Int64? { [waiting.first?.time, drops.nextMark].compactMap(\.self).min() }
}
