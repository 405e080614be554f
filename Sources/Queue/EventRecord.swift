// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// The form of events in the log; `docs/FORMAT.md` is the table of octets.
enum EventRecord {
  enum Kind: UInt8 {
    case content = 16
    case accepted = 17
    case attempted = 18
    case flushed = 19
    case stoodStill = 20
    case held = 21
    case released = 22
    case bounced = 23
    case moved = 25
    case kept = 26
    case dropped = 27
    case undropped = 28
    case erased = 29
    case adopted = 30

    /// Whether its payload begins with the number of the one message that it is about.
    var namesMessage: Bool {
      switch self {
      case .accepted, .attempted, .bounced, .moved: true
      case .content, .flushed, .stoodStill, .held, .released, .kept, .dropped, .undropped, .erased, .adopted: false
      }
    }
  }

  private static let noText = UInt16.max
  static let untilReleased = Int64.max

  /// The record of an acceptance up to the content that follows: everything that is known of the message, and the
  /// prefix.
  static func head(_ acceptance: Acceptance, prefix: [UInt8]) -> [UInt8] {
    head(
      acceptance, prefix: prefix, prefixOctets: prefix.count, sections: wishes(acceptance.envelope))
  }

  /// The same for `moved`, whose sections stand before the prefix; that and the content may be appended by the caller.
  static func head(
    _ acceptance: Acceptance, prefix: [UInt8], prefixOctets: Int, sections: [UInt8]
  ) -> [UInt8] {
    let envelope = acceptance.envelope
    let origin = acceptance.origin
    var octets: [UInt8] = []
    octets.reserveCapacity(512 + prefix.count + sections.count + acceptance.extents.count * 16)
    octets.append(littleEndian: acceptance.id.number)
    octets.append(littleEndian: acceptance.wall)
    octets.append(littleEndian: acceptance.standstill)
    octets.append(littleEndian: UInt32(acceptance.lastOctets))
    octets.append(littleEndian: UInt32(prefixOctets))
    octets.append(littleEndian: UInt32(clamping: acceptance.hints.headerOctets))
    octets.append(flags(acceptance))
    octets.append(acceptance.report?.kind.rawValue ?? 0)
    octets.append(littleEndian: UInt16(envelope.recipients.count))
    octets.append(littleEndian: UInt32(acceptance.extents.count))
    octets.append(littleEndian: UInt32(sections.count))
    for extent in acceptance.extents {
      octets.append(littleEndian: extent.segment)
      octets.append(littleEndian: extent.offset)
      octets.append(littleEndian: extent.octets)
      octets.append(littleEndian: extent.checksum)
    }
    append(envelope.sender?.text, to: &octets)
    for recipient in envelope.recipients { append(recipient.text, to: &octets) }
    for text in [origin.login, origin.address, origin.helo, origin.client, origin.listener, origin.tls] {
      append(text.map(bounded), to: &octets)
    }
    if let report = acceptance.report {
      octets.append(littleEndian: report.id.number)
      append(report.indexes, to: &octets)
    }
    octets.append(contentsOf: sections)
    octets.append(contentsOf: prefix)
    return octets
  }

  private static func flags(_ acceptance: Acceptance) -> UInt8 {
    (acceptance.hints.isEightBit ? 1 : 0) | (acceptance.envelope.body == .eightBit ? 2 : 0)
      | (acceptance.envelope.isUTF8 ? 4 : 0) | (acceptance.hints.isHeaderEightBit ? 8 : 0)
  }

  /// Of `accepted` and `moved`. Of the whole payload, or of what it is without prefix and content; `octets` are those
  /// of the whole one.
  static func acceptance(_ payload: UnsafeRawBufferPointer, octets: Int? = nil) -> Acceptance? {
    guard let found = acceptanceAndSections(payload, octets: octets) else { return nil }
    var acceptance = found.acceptance
    var reader = OctetReader(found.sections)
    while reader.rest > 0 {
      guard let (kind, section) = reader.section() else { return nil }
      guard kind == .wishes else { continue }
      guard let wishes = Self.wishes(section, recipients: acceptance.envelope.recipients.count) else { return nil }
      acceptance.envelope.notification = wishes
    }
    return acceptance
  }

  static func acceptanceAndSections(
    _ payload: UnsafeRawBufferPointer, octets: Int?
  ) -> (acceptance: Acceptance, sections: UnsafeRawBufferPointer)? {
    var reader = OctetReader(payload)
    guard let id = reader.integer(UInt64.self), let wall = reader.milliseconds(),
      let standstill = reader.milliseconds(), let lastOctets = reader.integer(UInt32.self),
      let prefixOctets = reader.integer(UInt32.self), let headerOctets = reader.integer(UInt32.self),
      let flags = reader.integer(UInt8.self), let reportKind = reader.integer(UInt8.self),
      let recipientCount = reader.integer(UInt16.self), let extentCount = reader.integer(UInt32.self),
      let sectionOctets = reader.integer(UInt32.self), Int(extentCount) * 16 <= reader.rest
    else { return nil }
    // Two messages with these numbers would have one id, or none that a list comes to.
    guard (1...MessageID.numberMax).contains(id) else { return nil }
    var extents: [Extent] = []
    for _ in 0..<extentCount {
      guard let segment = reader.integer(UInt32.self), let offset = reader.integer(UInt32.self),
        let octets = reader.integer(UInt32.self), let checksum = reader.integer(UInt32.self)
      else { return nil }
      extents.append(Extent(segment: segment, offset: offset, octets: octets, checksum: checksum))
    }
    var sender: Address?
    guard let senderText = reader.text() else { return nil }
    if let senderText {
      guard let address = Address(senderText) else { return nil }
      sender = address
    }
    var recipients: [Address] = []
    guard recipientCount <= QueueLimits.recipientsMax else { return nil }
    for _ in 0..<recipientCount {
      guard let text = reader.text(), let text, let address = Address(text) else { return nil }
      recipients.append(address)
    }
    guard let login = reader.text(), let address = reader.text(), let helo = reader.text(),
      let client = reader.text(), let listener = reader.text(), let tls = reader.text()
    else { return nil }
    var report: NoticeReport?
    if reportKind != 0 {
      guard let kind = Notice.Kind(rawValue: reportKind), let number = reader.integer(UInt64.self),
        let indexes = reader.indexes()
      else { return nil }
      report = NoticeReport(id: MessageID(number: number), kind: kind, indexes: indexes)
    }
    guard let sections = reader.part(Int(sectionOctets)) else { return nil }
    let behind = Int(prefixOctets) + Int(lastOctets)
    guard reader.rest == 0 || reader.rest == behind, payload.count - reader.rest + behind == octets ?? payload.count
    else { return nil }
    let acceptance = Acceptance(
      id: MessageID(number: id), wall: wall, standstill: standstill, extents: extents,
      prefixOctets: Int(prefixOctets), lastOctets: Int(lastOctets),
      hints: ContentHints(
        isEightBit: flags & 1 != 0, isHeaderEightBit: flags & 8 != 0, headerOctets: Int(headerOctets)),
      envelope: Envelope(
        sender: sender, recipients: recipients, body: flags & 2 != 0 ? .eightBit : .sevenBit,
        isUTF8: flags & 4 != 0),
      origin: Origin(
        login: login, address: address ?? "", helo: helo ?? "", client: client, listener: listener ?? "", tls: tls),
      report: report)
    return (acceptance, sections)
  }

  static func payload(_ attempt: Attempt) -> [UInt8] {
    var octets: [UInt8] = []
    octets.append(littleEndian: attempt.id.number)
    octets.append(littleEndian: attempt.wall)
    octets.append(littleEndian: UInt16(attempt.outcomes.count))
    for outcome in attempt.outcomes {
      octets.append(littleEndian: UInt16(outcome.index))
      octets.append(outcome.result.rawValue)
      octets.append(outcome.isUncertain ? 1 : 0)
      octets.append(littleEndian: UInt16(clamping: outcome.attempts))
      octets.append(littleEndian: outcome.next)
      append(outcome.reply, to: &octets)
    }
    return octets
  }

  static func attempt(_ payload: UnsafeRawBufferPointer) -> Attempt? {
    var reader = OctetReader(payload)
    guard let id = reader.integer(UInt64.self), let wall = reader.milliseconds(),
      let count = reader.integer(UInt16.self)
    else { return nil }
    var attempt = Attempt(id: MessageID(number: id), wall: wall, outcomes: [])
    for _ in 0..<count {
      guard let index = reader.integer(UInt16.self), let kind = reader.integer(UInt8.self),
        let result = Attempt.Result(rawValue: kind), let flags = reader.integer(UInt8.self),
        let attempts = reader.integer(UInt16.self), let next = reader.milliseconds(),
        let reply = reader.reply()
      else { return nil }
      attempt.outcomes.append(
        Attempt.Outcome(
          index: Int(index), result: result, isUncertain: flags & 1 != 0, attempts: Int(attempts), next: next,
          reply: reply))
    }
    return reader.rest == 0 ? attempt : nil
  }

  /// Of `flushed`, `released` and `erased`.
  static func payload(_ ids: [MessageID], wall: Int64) -> [UInt8] {
    var octets: [UInt8] = []
    octets.append(littleEndian: wall)
    append(ids, to: &octets)
    return octets
  }

  static func messages(_ payload: UnsafeRawBufferPointer) -> (ids: [MessageID], wall: Int64)? {
    var reader = OctetReader(payload)
    guard let wall = reader.milliseconds(), let ids = reader.ids(), reader.rest == 0 else { return nil }
    return (ids, wall)
  }

  static func payload(_ order: HoldOrder) -> [UInt8] {
    var octets: [UInt8] = []
    octets.append(littleEndian: order.wall)
    octets.append(littleEndian: order.until ?? untilReleased)
    append(order.by.text, to: &octets)
    append(order.reason?.text, to: &octets)
    append(order.ids, to: &octets)
    return octets
  }

  static func hold(_ payload: UnsafeRawBufferPointer) -> HoldOrder? {
    var reader = OctetReader(payload)
    guard let wall = reader.milliseconds(), let until = reader.integer(Int64.self), let by = reader.text(),
      let by, let reason = reader.text(), let ids = reader.ids(), reader.rest == 0
    else { return nil }
    return HoldOrder(
      ids: ids, wall: wall, until: until == untilReleased ? nil : until.boundedTime, by: PeerText(by),
      reason: reason.map { PeerText($0) })
  }

  static func payload(_ bounce: Bounce) -> [UInt8] {
    var octets: [UInt8] = []
    octets.append(littleEndian: bounce.id.number)
    octets.append(littleEndian: bounce.wall)
    octets.append(bounce.isReported ? 0 : 1)
    octets.append(0)
    append(bounce.reply, to: &octets)
    append(bounce.indexes, to: &octets)
    return octets
  }

  static func bounce(_ payload: UnsafeRawBufferPointer) -> Bounce? {
    var reader = OctetReader(payload)
    guard let id = reader.integer(UInt64.self), let wall = reader.milliseconds(),
      let flags = reader.integer(UInt8.self), reader.integer(UInt8.self) != nil, let reply = reader.reply(),
      let indexes = reader.indexes(), reader.rest == 0
    else { return nil }
    return Bounce(
      id: MessageID(number: id), wall: wall, isReported: flags & 1 == 0, reply: reply, indexes: indexes)
  }

  static func payload(stoodStill total: Int64) -> [UInt8] {
    var octets: [UInt8] = []
    octets.append(littleEndian: total)
    return octets
  }

  static func stoodStill(_ payload: UnsafeRawBufferPointer) -> Int64? {
    var reader = OctetReader(payload)
    let total = reader.milliseconds()
    return reader.rest == 0 ? total : nil
  }

  static func append(_ ids: [MessageID], to octets: inout [UInt8]) {
    octets.append(littleEndian: UInt32(ids.count))
    for id in ids { octets.append(littleEndian: id.number) }
  }

  private static func bounded(_ text: String) -> String {
    let octets = text.utf8
    guard octets.count > QueueLimits.originOctetsMax else { return text }
    return String(decoding: octets.prefix(QueueLimits.originOctetsMax), as: UTF8.self)
  }

  private static func append(_ indexes: [Int], to octets: inout [UInt8]) {
    octets.append(littleEndian: UInt16(indexes.count))
    for index in indexes { octets.append(littleEndian: UInt16(index)) }
  }

  static func append(_ reply: Reply, to octets: inout [UInt8]) {
    octets.append(littleEndian: UInt16(reply.code))
    octets.append(reply.status?.class ?? 0)
    octets.append(littleEndian: reply.status?.subject ?? 0)
    octets.append(littleEndian: reply.status?.detail ?? 0)
    append(reply.text.text, to: &octets)
  }

  static func append(_ text: String?, to octets: inout [UInt8]) {
    guard let text else { return octets.append(littleEndian: noText) }
    octets.append(littleEndian: UInt16(text.utf8.count))
    octets.append(contentsOf: text.utf8)
  }
}
