// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The part of the fold that admins write: holds, their end, and flushes.
extension QueueState {
  mutating func hold(_ number: UInt64, _ order: HoldOrder, _ time: Int64) {
    guard messages[number]?.earliestDue != nil, !messages[number]!.isDropped else { return }
    messages[number]!.isHeld = true
    holds.insert(order, number, time: time, standstill: standstill)
    schedule(number, time)
  }

  mutating func release(_ number: UInt64, _ time: Int64) {
    guard messages[number]?.isHeld == true else { return }
    endHold(number, time)
    schedule(number, time)
  }

  /// What the hold added to the life of the message becomes a part of the message.
  mutating func endHold(_ number: UInt64, _ time: Int64) {
    messages[number]!.isHeld = false
    messages[number]!.standstill -= holds.lengthening(number, at: time, standstill: standstill)
    holds.remove(number)
    drops.restart(number, time: time, standstill: standstill)
  }

  mutating func flush(_ number: UInt64, _ time: Int64) {
    guard let message = messages[number] else { return }
    for index in 0..<message.recipients.count {
      let entry = message.recipients[index]
      if entry.state == .deferred { messages[number]!.recipients[index].due = min(entry.due, time) }
    }
    schedule(number, time)
  }
}
