// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// Records that let the head of the log go: a message at another place, and facts that must not go with it.
extension EventRecord {
  /// Parts that not every message has. One that this program does not know makes the record unreadable: it may say that
  /// the message must not be sent.
  enum Section: UInt8 {
    case recipients = 1
    case life = 2
    case hold = 3
    case drop = 4
    case warned = 5
    case adopted = 6
    /// The only one that an `accepted` may have.
    case wishes = 7
  }

  /// The record up to its prefix and content.
  static func head(_ moved: MovedMessage) -> [UInt8] {
    var sections: [UInt8] = []
    append(.recipients, to: &sections) { octets in
      for recipient in moved.recipients { append(recipient, to: &octets) }
    }
    append(.life, to: &sections) { octets in
      octets.append(littleEndian: moved.wall)
      octets.append(littleEndian: moved.age)
      octets.append(littleEndian: moved.standstill)
      octets.append(littleEndian: moved.standstillTotal)
    }
    if let hold = moved.hold {
      append(.hold, to: &sections) { octets in
        octets.append(littleEndian: hold.since)
        octets.append(littleEndian: hold.elapsed)
        octets.append(littleEndian: hold.standstill)
        octets.append(littleEndian: hold.ordered)
        octets.append(littleEndian: hold.until ?? untilReleased)
        append(hold.by.text, to: &octets)
        append(hold.reason?.text, to: &octets)
      }
    }
    if let drop = moved.drop {
      append(.drop, to: &sections) { octets in
        octets.append(littleEndian: drop.batch)
        octets.append(littleEndian: drop.ordered)
        octets.append(littleEndian: drop.until)
        octets.append(littleEndian: drop.elapsed)
        octets.append(littleEndian: drop.standstill)
        append(drop.by.text, to: &octets)
      }
    }
    if moved.isWarned { append(.warned, to: &sections) { _ in } }
    if let adopted = moved.adopted { append(.adopted, to: &sections) { $0 += payload(adopted) } }
    sections += wishes(moved.acceptance.envelope)
    return head(moved.acceptance, prefix: [], prefixOctets: moved.acceptance.prefixOctets, sections: sections)
  }

  static func append(_ kind: Section, to octets: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
    var section: [UInt8] = []
    body(&section)
    octets.append(kind.rawValue)
    octets.append(littleEndian: UInt32(section.count))
    octets.append(contentsOf: section)
  }

  private static func append(_ recipient: MovedMessage.Recipient, to octets: inout [UInt8]) {
    octets.append(recipient.state.rawValue)
    var flags: UInt8 = recipient.isUncertain ? 1 : 0
    if recipient.hasReply { flags |= 2 }
    if let reply = recipient.reply {
      flags |= 4
      if reply.isExpired { flags |= 8 }
      if reply.isBounced { flags |= 16 }
    }
    octets.append(flags)
    octets.append(littleEndian: recipient.attempts)
    octets.append(littleEndian: recipient.due)
    if let reply = recipient.reply {
      octets.append(littleEndian: reply.wall)
      append(reply.reply, to: &octets)
    }
  }

  /// Of the whole payload, or of what it is without prefix and content; `octets` are those of the whole one.
  static func moved(_ payload: UnsafeRawBufferPointer, octets: Int? = nil) -> MovedMessage? {
    guard let (acceptance, sections) = acceptanceAndSections(payload, octets: octets) else { return nil }
    var moved = MovedMessage(
      acceptance: acceptance, wall: 0, recipients: [], age: 0, standstill: 0, standstillTotal: 0)
    var reader = OctetReader(sections)
    var found: Set<Section> = []
    while reader.rest > 0 {
      guard let (kind, section) = reader.section(), found.insert(kind).inserted else { return nil }
      var part = OctetReader(section)
      switch kind {
      case .recipients:
        for _ in acceptance.envelope.recipients {
          guard let recipient = part.movedRecipient() else { return nil }
          moved.recipients.append(recipient)
        }
      case .life:
        guard let wall = part.milliseconds(), let age = part.milliseconds(),
          let standstill = part.milliseconds(), let total = part.milliseconds()
        else { return nil }
        (moved.wall, moved.age, moved.standstill, moved.standstillTotal) = (wall, age, standstill, total)
      case .hold:
        guard let hold = part.movedHold() else { return nil }
        moved.hold = hold
      case .drop:
        guard let drop = part.movedDrop() else { return nil }
        moved.drop = drop
      case .warned: moved.isWarned = true
      case .adopted:
        guard let adopted = Self.adopted(section) else { return nil }
        moved.adopted = adopted
        continue
      case .wishes:
        guard let wishes = Self.wishes(section, recipients: acceptance.envelope.recipients.count) else { return nil }
        moved.acceptance.envelope.notification = wishes
        continue
      }
      guard part.rest == 0 else { return nil }
    }
    return found.isSuperset(of: [.recipients, .life]) ? moved : nil
  }

  static func payload(_ facts: KeptFacts) -> [UInt8] {
    var octets: [UInt8] = []
    octets.append(littleEndian: facts.floor)
    octets.append(littleEndian: UInt32(facts.adopted.count))
    octets.append(littleEndian: facts.standstill)
    octets.append(littleEndian: facts.lastBatch)
    for adopted in facts.adopted {
      octets.append(littleEndian: adopted.spool)
      octets.append(littleEndian: adopted.highest)
    }
    return octets
  }

  static func kept(_ payload: UnsafeRawBufferPointer) -> KeptFacts? {
    var reader = OctetReader(payload)
    guard let floor = reader.integer(UInt32.self), let count = reader.integer(UInt32.self),
      let standstill = reader.milliseconds(), let lastBatch = reader.integer(UInt64.self),
      Int(count) * 16 == reader.rest
    else { return nil }
    var facts = KeptFacts(floor: floor, standstill: standstill, lastBatch: lastBatch)
    for _ in 0..<count {
      facts.adopted.append(
        AdoptedSpool(spool: reader.integer(UInt64.self)!, highest: reader.integer(UInt64.self)!))
    }
    return facts
  }

  static func payload(_ adopted: AdoptedSpool) -> [UInt8] {
    var octets: [UInt8] = []
    octets.append(littleEndian: adopted.spool)
    octets.append(littleEndian: adopted.highest)
    return octets
  }

  static func adopted(_ payload: UnsafeRawBufferPointer) -> AdoptedSpool? {
    var reader = OctetReader(payload)
    guard let spool = reader.integer(UInt64.self), let highest = reader.integer(UInt64.self), reader.rest == 0 else {
      return nil
    }
    return AdoptedSpool(spool: spool, highest: highest)
  }
}

extension OctetReader {
  mutating func section() -> (kind: EventRecord.Section, octets: UnsafeRawBufferPointer)? {
    guard let kind = integer(UInt8.self).flatMap(EventRecord.Section.init), let octets = integer(UInt32.self),
      let section = part(Int(octets))
    else { return nil }
    return (kind, section)
  }

  fileprivate mutating func movedRecipient() -> MovedMessage.Recipient? {
    guard let state = integer(UInt8.self).flatMap(RecipientState.init), let flags = integer(UInt8.self),
      let attempts = integer(UInt16.self), let due = milliseconds()
    else { return nil }
    var recipient = MovedMessage.Recipient(
      state: state, isUncertain: flags & 1 != 0, attempts: attempts, due: due, hasReply: flags & 2 != 0)
    if flags & 4 != 0 {
      guard let wall = milliseconds(), let reply = reply() else { return nil }
      recipient.reply = LastOutcome(
        wall: wall, reply: reply, isExpired: flags & 8 != 0, isBounced: flags & 16 != 0)
    }
    return recipient
  }

  fileprivate mutating func movedHold() -> MovedMessage.Hold? {
    guard let since = milliseconds(), let elapsed = milliseconds(), let standstill = milliseconds(),
      let ordered = milliseconds(), let until = integer(Int64.self), let by = text(), let by,
      let reason = text()
    else { return nil }
    return MovedMessage.Hold(
      by: PeerText(by), reason: reason.map { PeerText($0) }, since: since, elapsed: elapsed, standstill: standstill,
      ordered: ordered, until: until == EventRecord.untilReleased ? nil : until.boundedTime)
  }

  fileprivate mutating func movedDrop() -> MovedMessage.Drop? {
    guard let batch = integer(UInt64.self), let ordered = milliseconds(), let until = milliseconds(),
      let elapsed = milliseconds(), let standstill = milliseconds(), let by = text(), let by
    else { return nil }
    return MovedMessage.Drop(
      batch: batch, by: PeerText(by), ordered: ordered, until: until, elapsed: elapsed, standstill: standstill)
  }
}
