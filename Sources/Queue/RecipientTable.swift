// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// The envelope of one queued message as one octet string, because there may be a million of them: a fixed entry for
/// each recipient, then the texts of sender and recipients. Where the sender has said what he wants to be told, an octet
/// for each recipient stands in front of the texts, and behind them the section of the log that says all of it: most
/// messages pay nothing for it. An entry, little-endian:
///
///     0  u8   state; flags: 16 leased, 32 may have been delivered, 64 ready, 128 listed
///     1  u8   lane
///     2  u16  attempts
///     4  i64  time of the next attempt, queue time in milliseconds
///    12  u32  segment of the record with the last reply, 0 if there is none yet
///    16  u32  offset of it
///    20  u8   number of who gave that reply, 0 if that is not known
struct RecipientTable: Sendable, Equatable {
  private var octets: [UInt8]

  struct Entry: Equatable {
    var state: RecipientState = .queued
    var isLeased = false
    var isUncertain = false
    /// Its message can be leased in its lane.
    var isReady = false
    /// Stands for all of its lane in the message: that is in the lane's ready lists, perhaps no longer ready.
    var isListed = false
    var lane: UInt8 = 0
    var attempts: UInt16 = 0
    var due: Int64 = 0
    var reply: Position = .unknown
    /// As `Answerers` numbers them; not written down.
    var answerer: UInt8 = 0
  }

  private static let entryOctets = 21
  private static let nullPath = UInt16.max
  /// In the count: there are wishes.
  private static let withWishes: UInt16 = 0x8000

  init(_ envelope: Envelope) {
    octets = []
    let recipients = envelope.recipients
    let wish = envelope.notification?.of(Array(recipients.indices))
    let wishes = EventRecord.wishes(envelope)
    let texts = recipients.reduce(2 + (envelope.sender?.text.utf8.count ?? 0)) { $0 + 2 + $1.text.utf8.count }
    let entries = recipients.count * Self.entryOctets
    octets.reserveCapacity(2 + entries + (wish?.recipients.count ?? 0) + texts + wishes.count)
    octets.append(littleEndian: UInt16(recipients.count) | (wish == nil ? 0 : Self.withWishes))
    octets.append(contentsOf: repeatElement(0, count: entries))
    for recipient in wish?.recipients ?? [] { octets.append(EventRecord.code(recipient.events)) }
    if let sender = envelope.sender { append(sender) } else { octets.append(littleEndian: Self.nullPath) }
    for recipient in recipients { append(recipient) }
    octets.append(contentsOf: wishes)
    for index in 0..<recipients.count { self[index] = Entry() }
  }

  private mutating func append(_ address: Address) {
    octets.append(littleEndian: UInt16(address.text.utf8.count))
    octets.append(contentsOf: address.text.utf8)
  }

  var count: Int { Int(load(0, as: UInt16.self) & ~Self.withWishes) }

  private var hasWishes: Bool { load(0, as: UInt16.self) & Self.withWishes != 0 }

  subscript(index: Int) -> Entry {
    get {
      let start = start(of: index)
      return Entry(
        state: RecipientState(rawValue: octets[start] & 15) ?? .queued,
        isLeased: octets[start] & 16 != 0,
        isUncertain: octets[start] & 32 != 0,
        isReady: octets[start] & 64 != 0,
        isListed: octets[start] & 128 != 0,
        lane: octets[start + 1],
        attempts: load(start + 2, as: UInt16.self),
        due: load(start + 4, as: Int64.self),
        reply: Position(segment: load(start + 12, as: UInt32.self), offset: load(start + 16, as: UInt32.self)),
        answerer: octets[start + 20])
    }
    set {
      let start = start(of: index)
      octets[start] =
        newValue.state.rawValue | (newValue.isLeased ? 16 : 0) | (newValue.isUncertain ? 32 : 0)
        | (newValue.isReady ? 64 : 0) | (newValue.isListed ? 128 : 0)
      octets[start + 1] = newValue.lane
      store(newValue.attempts, start + 2)
      store(newValue.due, start + 4)
      store(newValue.reply.segment, start + 12)
      store(newValue.reply.offset, start + 16)
      octets[start + 20] = newValue.answerer
    }
  }

  var hasSender: Bool { load(textsStart, as: UInt16.self) != Self.nullPath }

  /// The table was made of addresses, so its texts are addresses.
  var sender: Address? {
    var offset = textsStart
    return text(&offset).map { Address(stored: $0) }
  }

  var addresses: [Address] {
    var offset = textsStart
    _ = text(&offset)
    return (0..<count).map { _ in Address(stored: text(&offset)!) }
  }

  /// Whether the sender is to be told of such an event. Nobody is for a null sender.
  func isTold(_ index: Int, of event: NotificationWish.Events) -> Bool {
    hasSender && (events(of: index) ?? .usual).contains(event)
  }

  private func events(of index: Int) -> NotificationWish.Events? {
    precondition(index >= 0 && index < count)
    guard hasWishes else { return nil }
    return EventRecord.events(octets[2 + count * Self.entryOctets + index]) ?? nil
  }

  /// nil: the sender has said nothing.
  var wish: NotificationWish? {
    guard hasWishes else { return nil }
    var offset = textsStart
    for _ in 0...count { _ = text(&offset) }
    return octets[offset...].withUnsafeBytes { octets in
      var reader = OctetReader(octets)
      return reader.section().flatMap { EventRecord.wishes($0.octets, recipients: count) }
    }
  }

  private func start(of index: Int) -> Int {
    precondition(index >= 0 && index < count)
    return 2 + index * Self.entryOctets
  }

  private var textsStart: Int { 2 + count * Self.entryOctets + (hasWishes ? count : 0) }

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

// MARK: - Lanes

extension RecipientTable.Entry {
  func isDue(_ time: Int64) -> Bool { state == .queued || (state == .deferred && due <= time) }
}

extension RecipientTable {
  /// Lanes in which the message can be leased.
  var readyLanes: LaneSet {
    var lanes = LaneSet()
    for index in 0..<count where self[index].isReady { lanes.insert(self[index].lane) }
    return lanes
  }

  /// When another recipient is due whose lane has none that is ready; nil if there is none to wait for.
  var nextDueInOtherLanes: Int64? {
    guard count > 1 else { return nil }
    let ready = readyLanes
    var next: Int64?
    for index in 0..<count {
      let entry = self[index]
      guard entry.state == .deferred, !ready.contains(entry.lane) else { continue }
      next = min(next ?? .max, entry.due)
    }
    return next
  }

  /// Marks as ready who is due at this time, and nobody else. Returns their lanes, and those of them in which the
  /// message is not listed yet; it counts as listed there from now on.
  mutating func makeReady(at time: Int64) -> (ready: LaneSet, new: LaneSet) {
    var ready = LaneSet()
    var listed = LaneSet()
    for index in 0..<count {
      var entry = self[index]
      if entry.isListed { listed.insert(entry.lane) }
      let isReady = entry.isDue(time)
      if isReady { ready.insert(entry.lane) }
      guard isReady != entry.isReady else { continue }
      entry.isReady = isReady
      self[index] = entry
    }
    var new = LaneSet()
    for index in 0..<count {
      var entry = self[index]
      guard entry.isReady, !listed.contains(entry.lane) else { continue }
      listed.insert(entry.lane)
      new.insert(entry.lane)
      entry.isListed = true
      self[index] = entry
    }
    return (ready, new)
  }

  /// Another router has come: nobody is in the lane where he was.
  mutating func leaveLanes() {
    for index in 0..<count {
      var entry = self[index]
      entry.isReady = false
      entry.isListed = false
      entry.lane = 0
      self[index] = entry
    }
  }

  /// Nobody is ready any more. Returns the lanes of who was.
  mutating func withdraw() -> LaneSet {
    var lanes = LaneSet()
    for index in 0..<count {
      var entry = self[index]
      guard entry.isReady else { continue }
      lanes.insert(entry.lane)
      entry.isReady = false
      self[index] = entry
    }
    return lanes
  }

  /// The message was taken off the ready lists of this lane.
  mutating func unlist(_ lane: UInt8) {
    for index in 0..<count {
      var entry = self[index]
      guard entry.isListed, entry.lane == lane else { continue }
      entry.isListed = false
      self[index] = entry
    }
  }
}
