// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// The envelope of one queued message as one octet string, because there may be a million of them: a fixed entry for
/// each recipient, then the texts of sender and recipients. An entry, little-endian:
///
///     0  u8   state
///     1  u8   flags: 1 leased, 2 may have been delivered
///     2  u16  attempts
///     4  i64  time of the next attempt, queue time in milliseconds
///    12  u32  segment of the record with the last reply, 0 if there is none yet
///    16  u32  offset of it
struct RecipientTable: Sendable, Equatable {
  private var octets: [UInt8]

  struct Entry: Equatable {
    var state: RecipientState = .queued
    var isLeased = false
    var isUncertain = false
    var attempts: UInt16 = 0
    var due: Int64 = 0
    var reply: Position = .unknown
  }

  private static let entryOctets = 20
  private static let nullPath = UInt16.max

  init(sender: Address?, recipients: [Address]) {
    octets = []
    let texts = recipients.reduce(2 + (sender?.text.utf8.count ?? 0)) { $0 + 2 + $1.text.utf8.count }
    octets.reserveCapacity(2 + recipients.count * Self.entryOctets + texts)
    octets.append(littleEndian: UInt16(recipients.count))
    octets.append(contentsOf: repeatElement(0, count: recipients.count * Self.entryOctets))
    if let sender { append(sender) } else { octets.append(littleEndian: Self.nullPath) }
    for recipient in recipients { append(recipient) }
    for index in 0..<recipients.count { self[index] = Entry() }
  }

  private mutating func append(_ address: Address) {
    octets.append(littleEndian: UInt16(address.text.utf8.count))
    octets.append(contentsOf: address.text.utf8)
  }

  var count: Int { Int(load(0, as: UInt16.self)) }

  subscript(index: Int) -> Entry {
    get {
      let start = start(of: index)
      return Entry(
        state: RecipientState(rawValue: octets[start]) ?? .queued,
        isLeased: octets[start + 1] & 1 != 0,
        isUncertain: octets[start + 1] & 2 != 0,
        attempts: load(start + 2, as: UInt16.self),
        due: load(start + 4, as: Int64.self),
        reply: Position(segment: load(start + 12, as: UInt32.self), offset: load(start + 16, as: UInt32.self)))
    }
    set {
      let start = start(of: index)
      octets[start] = newValue.state.rawValue
      octets[start + 1] = (newValue.isLeased ? 1 : 0) | (newValue.isUncertain ? 2 : 0)
      store(newValue.attempts, start + 2)
      store(newValue.due, start + 4)
      store(newValue.reply.segment, start + 12)
      store(newValue.reply.offset, start + 16)
    }
  }

  var hasSender: Bool { load(textsStart, as: UInt16.self) != Self.nullPath }

  /// The table was made of addresses, so its texts are addresses.
  var sender: Address? {
    var offset = textsStart
    return text(&offset).map { Address($0)! }
  }

  var addresses: [Address] {
    var offset = textsStart
    _ = text(&offset)
    return (0..<count).map { _ in Address(text(&offset)!)! }
  }

  private func start(of index: Int) -> Int {
    precondition(index >= 0 && index < count)
    return 2 + index * Self.entryOctets
  }

  private var textsStart: Int { 2 + count * Self.entryOctets }

  private func text(_ offset: inout Int) -> String? {
    let length = load(offset, as: UInt16.self)
    offset += 2
    guard length != Self.nullPath else { return nil }
    defer { offset += Int(length) }
    return String(decoding: octets[offset..<(offset + Int(length))], as: UTF8.self)
  }

  private func load<Value: FixedWidthInteger>(_ offset: Int, as type: Value.Type) -> Value {
    octets.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type)) }
  }

  private mutating func store<Value: FixedWidthInteger>(_ value: Value, _ offset: Int) {
    octets.withUnsafeMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self) }
  }
}
