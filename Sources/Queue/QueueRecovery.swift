// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// What was found when the queue was opened.
package struct RecoveryReport: Sendable {
  package var messages = 0
  package var segments = 0
  package var records = 0
  package var octets = 0
  /// Records of the last sync that were torn by the crash; nobody had an answer for them.
  package var tornRecords = 0
  package var damages: [Damage] = []
  /// Messages that are kept but will not be delivered.
  package var quarantined: [MessageID] = []
}

/// One place of the log that is not what was written.
package struct Damage: Sendable, Hashable, CustomStringConvertible {
  package var segment: String
  package var offset: Int
  package var octets: Int
  /// The message whose record or content it was, if that can be told. For a record with a bad checksum it is what the
  /// damaged record says.
  package var message: MessageID?

  package var description: String {
    let message = message.map { ", message \($0)" } ?? ""
    return "damage in \(segment) at offset \(offset), \(octets) octets\(message)"
  }
}

/// Folds the log into the state that it describes.
struct QueueRecovery {
  private var state: QueueState
  private var clock: LogClock
  private var ledger = SegmentLedger()
  /// Chunks that no message has named yet.
  private var chunks: [Position: Extent] = [:]
  private var missing: [UInt64: [Extent]] = [:]
  private var damages: [Damage] = []
  private var damagedPlaces: Set<Position> = []

  init(policy: QueuePolicy) {
    state = QueueState(policy: policy)
    clock = LogClock(stepMax: policy.delayMax)
  }

  mutating func visit(_ type: UInt8, _ extent: Extent, _ payload: UnsafeRawBufferPointer) {
    switch EventRecord.Kind(rawValue: type) {
    case .content:
      chunks[extent.position] = extent
    case .accepted:
      guard let acceptance = EventRecord.acceptance(payload) else { return noteUnreadable(extent) }
      accept(acceptance, extent)
    case .attempted:
      guard let attempt = EventRecord.attempt(payload) else { return noteUnreadable(extent) }
      clock.advance(to: attempt.wall)
      let finished = state.apply(.attempted(attempt, extent.position), at: clock.time)
      for extent in finished { ledger.remove(extent) }
      if !finished.isEmpty { missing[attempt.id.number] = nil }
    case .flushed:
      guard let (ids, wall) = EventRecord.flushed(payload) else { return noteUnreadable(extent) }
      clock.advance(to: wall)
      state.apply(.flushed(ids, wall: wall), at: clock.time)
    case .stoodStill:
      guard let total = EventRecord.stoodStill(payload) else { return noteUnreadable(extent) }
      state.apply(.stoodStill(total: total), at: clock.time)
    case nil:
      noteUnreadable(extent)
    }
  }

  private mutating func accept(_ acceptance: Acceptance, _ extent: Extent) {
    let number = acceptance.id.number
    guard state.messages[number] == nil else { return }
    clock.advance(to: acceptance.wall)
    state.apply(.accepted(acceptance, extent), at: clock.time)
    for extent in acceptance.extents + [extent] { ledger.add(extent) }
    let lost = acceptance.extents.filter { chunks[$0.position] != $0 }
    for extent in acceptance.extents { chunks[extent.position] = nil }
    if !lost.isEmpty {
      // Content may be gone because the message is finished, which a later record will tell.
      missing[number] = lost
      state.quarantine(number)
    }
  }

  /// The octets are those that were written, but this program did not write them so.
  private mutating func noteUnreadable(_ extent: Extent) {
    note(extent, of: nil)
    ledger.pin(extent.segment)
  }

  private mutating func note(_ extent: Extent, of message: MessageID?) {
    damagedPlaces.insert(extent.position)
    damages.append(
      Damage(
        segment: SegmentName.text(extent.segment), offset: Int(extent.offset),
        octets: RecordHeader.span(payload: Int(extent.octets)), message: message))
  }

  /// The queue as of now, and what there is to say about it.
  mutating func finish(_ log: RecoveredLog, now: Instant) -> (QueueCore.Books, RecoveryReport) {
    clock.advance(to: now.wall)
    state.lastNumber = max(state.lastNumber, log.mark)
    let quarantined = missing.keys.sorted()
    for number in quarantined {
      for extent in missing[number]! { note(extent, of: MessageID(number: number)) }
    }
    for damage in log.damages {
      ledger.pin(damage.segment)
      let place = Position(segment: damage.segment, offset: UInt32(damage.offset))
      if damagedPlaces.contains(place) { continue }
      damages.append(
        Damage(
          segment: SegmentName.text(damage.segment), offset: damage.offset, octets: damage.octets,
          message: Self.message(of: damage)))
    }
    state.rebuildSchedule(clock.time)
    var report = RecoveryReport()
    report.messages = state.messages.count
    report.segments = log.segments.count
    report.records = log.records
    report.octets = log.octets
    report.tornRecords = log.tornRecords
    report.damages = damages.sorted { ($0.segment, $0.offset) < ($1.segment, $1.offset) }
    report.quarantined = quarantined.map(MessageID.init(number:))
    let books = QueueCore.Books(state: state, clock: QueueClock(now: now, reached: clock.time), ledger: ledger)
    return (books, report)
  }

  /// Acceptances and outcomes begin with the number of their message.
  private static func message(of damage: LogDamage) -> MessageID? {
    let kind = damage.type.flatMap(EventRecord.Kind.init(rawValue:))
    guard kind == .accepted || kind == .attempted, damage.payloadStart.count >= 8 else { return nil }
    let number = damage.payloadStart.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    return number > 0 && number <= MessageID.numberMax ? MessageID(number: number) : nil
  }
}
