// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// Messages that change their place in the log. Only the place of one that is there changes: all else that its record
/// says is what the records before it have said. If those are gone with the head of the log, it is all there is.
extension QueueState {
  /// Extents that the message has left.
  mutating func relocate(_ moved: MovedMessage, _ extent: Extent, _ time: Int64) -> [Extent] {
    standstill = max(standstill, moved.standstillTotal)
    if let adopted = moved.adopted { note(adopted) }
    let number = moved.acceptance.id.number
    guard let old = messages[number] else {
      insert(moved, extent, time)
      return []
    }
    octets += moved.acceptance.octets - old.octets
    if old.state == .dropped { droppedOctets += moved.acceptance.octets - old.octets }
    messages[number]!.accepted = extent
    messages[number]!.extents = moved.acceptance.extents
    messages[number]!.octets = moved.acceptance.octets
    messages[number]!.prefixOctets = UInt32(moved.acceptance.prefixOctets)
    for index in 0..<min(old.recipients.count, moved.recipients.count) where moved.recipients[index].hasReply {
      // A reply that came after stands in a record of its own.
      let reply = old.recipients[index].reply
      if reply != .unknown, reply < extent.position { messages[number]!.recipients[index].reply = extent.position }
    }
    let kept = Set(moved.acceptance.extents)
    return old.allExtents.filter { !kept.contains($0) }
  }

  private mutating func insert(_ moved: MovedMessage, _ extent: Extent, _ time: Int64) {
    let number = moved.acceptance.id.number
    insert(moved.acceptance, extent, time)
    messages[number]!.born = time - moved.age
    messages[number]!.standstill = moved.standstill
    messages[number]!.isWarned = moved.isWarned
    for (index, recipient) in moved.recipients.enumerated() {
      var entry = messages[number]!.recipients[index]
      entry.state = recipient.state
      entry.isUncertain = recipient.isUncertain
      entry.attempts = recipient.attempts
      entry.due = time + min(max(recipient.due - moved.wall, 0), policy.delayMax)
      entry.reply = recipient.hasReply ? extent.position : .unknown
      messages[number]!.recipients[index] = entry
    }
    if let hold = moved.hold {
      messages[number]!.isHeld = true
      holds.insert(hold, number, time: time, wall: moved.wall)
    }
    if let drop = moved.drop {
      noteBatch(drop.batch)
      messages[number]!.isDropped = true
      drops.insert(drop, number, time: time, wall: moved.wall)
    }
    schedule(number, time)
  }

  /// What a record of this message would say now, but for its content and what was replied to it.
  func snapshot(_ number: UInt64) -> MessageSnapshot? {
    messages[number].map { MessageSnapshot(message: $0, hold: holds[number], drop: drops[number]) }
  }
}

/// A message as it was at one moment, so that a record made of it without the lock can be compared with what it is.
struct MessageSnapshot: Sendable, Equatable {
  var message: QueueState.Message
  var hold: HoldTable.Entry?
  var drop: DropTable.Entry?

  /// `replies` by index of the recipient, as far as they could be read.
  func moved(
    _ acceptance: Acceptance, replies: [Int: LastOutcome], standstillTotal: Int64, time: Int64, wall: Int64
  ) -> MovedMessage {
    MovedMessage(
      acceptance: acceptance, wall: wall,
      recipients: (0..<message.recipients.count).map { index in
        let entry = message.recipients[index]
        if SeededFault.copyForgetsRecipients {
          return MovedMessage.Recipient(state: .queued, isUncertain: false, attempts: 0, due: 0, hasReply: false)
        }
        return MovedMessage.Recipient(
          state: entry.state, isUncertain: entry.isUncertain, attempts: entry.attempts,
          due: entry.state == .deferred ? wall + max(0, entry.due - time) : 0, hasReply: entry.reply != .unknown,
          reply: replies[index])
      },
      age: time - message.born, standstill: message.standstill, standstillTotal: standstillTotal,
      hold: SeededFault.copyForgetsHold ? nil : hold?.moved(at: time),
      drop: SeededFault.copyForgetsDrop ? nil : drop?.moved(at: time, wall: wall), isWarned: message.isWarned)
  }
}

extension HoldTable.Entry {
  fileprivate func moved(at time: Int64) -> MovedMessage.Hold {
    MovedMessage.Hold(
      by: by, reason: reason, since: since, elapsed: time - term.start, standstill: term.standstill,
      ordered: term.ordered, until: term.until)
  }
}

extension DropTable.Entry {
  /// Its end is put so that as much is left of it for a reader who finds it at `wall` as there is now.
  fileprivate func moved(at time: Int64, wall: Int64) -> MovedMessage.Drop {
    MovedMessage.Drop(
      batch: batch, by: by, ordered: term.ordered, until: wall + max(0, (term.due ?? time) - time),
      elapsed: time - term.start, standstill: term.standstill)
  }
}
