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
  }

  private static let noText = UInt16.max

  /// The record of an acceptance up to the content that follows: everything that is known of the message, and the
  /// prefix.
  static func head(_ acceptance: Acceptance, prefix: [UInt8]) -> [UInt8] {
    let envelope = acceptance.envelope
    let origin = acceptance.origin
    var octets: [UInt8] = []
    octets.reserveCapacity(512 + prefix.count + acceptance.extents.count * 16)
    octets.append(littleEndian: acceptance.id.number)
    octets.append(littleEndian: acceptance.wall)
    octets.append(littleEndian: acceptance.standstill)
    octets.append(littleEndian: UInt32(acceptance.lastOctets))
    octets.append(littleEndian: UInt32(prefix.count))
    octets.append(littleEndian: UInt32(clamping: acceptance.hints.headerOctets))
    octets.append((acceptance.hints.isEightBit ? 1 : 0) | (envelope.body == .eightBit ? 2 : 0))
    octets.append(0)
    octets.append(littleEndian: UInt16(envelope.recipients.count))
    octets.append(littleEndian: UInt32(acceptance.extents.count))
    octets.append(littleEndian: UInt32(0))
    for extent in acceptance.extents {
      octets.append(littleEndian: extent.segment)
      octets.append(littleEndian: extent.offset)
      octets.append(littleEndian: extent.octets)
      octets.append(littleEndian: extent.checksum)
    }
    append(envelope.sender?.text, to: &octets)
    for recipient in envelope.recipients { append(recipient.text, to: &octets) }
    for text in [origin.login, origin.address, origin.helo, origin.client, origin.listener, origin.tls] {
      append(text.map { String(decoding: $0.utf8.prefix(QueueLimits.originOctetsMax), as: UTF8.self) }, to: &octets)
    }
    octets.append(contentsOf: prefix)
    return octets
  }

  static func acceptance(_ payload: UnsafeRawBufferPointer) -> Acceptance? {
    var reader = OctetReader(payload)
    guard let id = reader.integer(UInt64.self), let wall = reader.integer(Int64.self),
      let standstill = reader.integer(Int64.self), let lastOctets = reader.integer(UInt32.self),
      let prefixOctets = reader.integer(UInt32.self), let headerOctets = reader.integer(UInt32.self),
      let flags = reader.integer(UInt8.self), reader.integer(UInt8.self) != nil,
      let recipientCount = reader.integer(UInt16.self), let extentCount = reader.integer(UInt32.self),
      reader.integer(UInt32.self) != nil, Int(extentCount) * 16 <= reader.rest
    else { return nil }
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
    for _ in 0..<recipientCount {
      guard let text = reader.text(), let text, let address = Address(text) else { return nil }
      recipients.append(address)
    }
    guard let login = reader.text(), let address = reader.text(), let helo = reader.text(),
      let client = reader.text(), let listener = reader.text(), let tls = reader.text(),
      reader.rest == Int(prefixOctets) + Int(lastOctets)
    else { return nil }
    return Acceptance(
      id: MessageID(number: id), wall: wall, standstill: standstill, extents: extents,
      prefixOctets: Int(prefixOctets), lastOctets: Int(lastOctets),
      hints: ContentHints(isEightBit: flags & 1 != 0, headerOctets: Int(headerOctets)),
      envelope: Envelope(sender: sender, recipients: recipients, body: flags & 2 != 0 ? .eightBit : .sevenBit),
      origin: Origin(
        login: login, address: address ?? "", helo: helo ?? "", client: client, listener: listener ?? "", tls: tls))
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
      octets.append(littleEndian: UInt16(outcome.reply.code))
      octets.append(outcome.reply.status?.class ?? 0)
      octets.append(littleEndian: outcome.reply.status?.subject ?? 0)
      octets.append(littleEndian: outcome.reply.status?.detail ?? 0)
      append(outcome.reply.text.text, to: &octets)
    }
    return octets
  }

  static func attempt(_ payload: UnsafeRawBufferPointer) -> Attempt? {
    var reader = OctetReader(payload)
    guard let id = reader.integer(UInt64.self), let wall = reader.integer(Int64.self),
      let count = reader.integer(UInt16.self)
    else { return nil }
    var attempt = Attempt(id: MessageID(number: id), wall: wall, outcomes: [])
    for _ in 0..<count {
      guard let index = reader.integer(UInt16.self), let kind = reader.integer(UInt8.self),
        let result = Attempt.Result(rawValue: kind), let flags = reader.integer(UInt8.self),
        let attempts = reader.integer(UInt16.self), let next = reader.integer(Int64.self),
        let code = reader.integer(UInt16.self), let `class` = reader.integer(UInt8.self),
        let subject = reader.integer(UInt16.self), let detail = reader.integer(UInt16.self),
        let text = reader.text(), let text
      else { return nil }
      let status = `class` == 0 ? nil : EnhancedStatus(`class`, subject, detail)
      attempt.outcomes.append(
        Attempt.Outcome(
          index: Int(index), result: result, isUncertain: flags & 1 != 0, attempts: Int(attempts), next: next,
          reply: Reply(Int(code), status, text)))
    }
    return reader.rest == 0 ? attempt : nil
  }

  static func payload(flushed ids: [MessageID], wall: Int64) -> [UInt8] {
    var octets: [UInt8] = []
    octets.append(littleEndian: wall)
    octets.append(littleEndian: UInt32(ids.count))
    for id in ids { octets.append(littleEndian: id.number) }
    return octets
  }

  static func flushed(_ payload: UnsafeRawBufferPointer) -> (ids: [MessageID], wall: Int64)? {
    var reader = OctetReader(payload)
    guard let wall = reader.integer(Int64.self), let count = reader.integer(UInt32.self), reader.rest == Int(count) * 8
    else { return nil }
    return ((0..<count).map { _ in MessageID(number: reader.integer(UInt64.self)!) }, wall)
  }

  static func payload(stoodStill total: Int64) -> [UInt8] {
    var octets: [UInt8] = []
    octets.append(littleEndian: total)
    return octets
  }

  static func stoodStill(_ payload: UnsafeRawBufferPointer) -> Int64? {
    var reader = OctetReader(payload)
    let total = reader.integer(Int64.self)
    return reader.rest == 0 ? total : nil
  }

  private static func append(_ text: String?, to octets: inout [UInt8]) {
    guard let text else { return octets.append(littleEndian: noText) }
    octets.append(littleEndian: UInt16(text.utf8.count))
    octets.append(contentsOf: text.utf8)
  }
}

/// Reads what `EventRecord` wrote; nil wherever the octets end too early.
struct OctetReader {
  private let octets: UnsafeRawBufferPointer
  private var offset = 0

  init(_ octets: UnsafeRawBufferPointer) {
    self.octets = octets
  }

  var rest: Int { octets.count - offset }

  mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
    let size = MemoryLayout<Value>.size
    guard rest >= size else { return nil }
    defer { offset += size }
    return Value(littleEndian: octets.loadUnaligned(fromByteOffset: offset, as: type))
  }

  /// The outer nil means that the octets end too early; the inner one that there is no text.
  mutating func text() -> String?? {
    guard let length = integer(UInt16.self) else { return nil }
    if length == UInt16.max { return .some(nil) }
    guard rest >= Int(length) else { return nil }
    defer { offset += Int(length) }
    return String(decoding: octets[offset..<(offset + Int(length))], as: UTF8.self)
  }
}
