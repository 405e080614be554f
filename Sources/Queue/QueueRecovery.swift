// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

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

  /// Found so far and not finished.
  var messages: Int { state.messages.count }

  mutating func visit(_ type: UInt8, _ extent: Extent, _ payload: UnsafeRawBufferPointer) {
    switch EventRecord.Kind(rawValue: type) {
    case .content:
      chunks[extent.position] = extent
    case .accepted:
      guard let acceptance = EventRecord.acceptance(payload) else { return noteUnreadable(extent) }
      accept(acceptance, extent)
    case .attempted:
      guard let attempt = EventRecord.attempt(payload) else { return noteUnreadable(extent) }
      apply(.attempted(attempt, extent.position), to: attempt.id, wall: attempt.wall)
    case .flushed:
      guard let (ids, wall) = EventRecord.messages(payload) else { return noteUnreadable(extent) }
      clock.advance(to: wall)
      state.apply(.flushed(ids, wall: wall), at: clock.time)
    case .stoodStill:
      guard let total = EventRecord.stoodStill(payload) else { return noteUnreadable(extent) }
      state.apply(.stoodStill(total: total), at: clock.time)
    case .held:
      guard let order = EventRecord.hold(payload) else { return noteUnreadable(extent) }
      clock.advance(to: order.wall)
      state.apply(.held(order), at: clock.time)
    case .released:
      guard let (ids, wall) = EventRecord.messages(payload) else { return noteUnreadable(extent) }
      clock.advance(to: wall)
      state.apply(.released(ids, wall: wall), at: clock.time)
    case .bounced:
      guard let bounce = EventRecord.bounce(payload) else { return noteUnreadable(extent) }
      apply(.bounced(bounce, extent.position), to: bounce.id, wall: bounce.wall)
    case nil:
      noteUnreadable(extent)
    }
  }

  /// An event that may finish the message.
  private mutating func apply(_ event: QueueEvent, to id: MessageID, wall: Int64) {
    clock.advance(to: wall)
    let finished = state.apply(event, at: clock.time)
    for extent in finished { ledger.remove(extent) }
    if !finished.isEmpty { missing[id.number] = nil }
  }

  private mutating func accept(_ acceptance: Acceptance, _ extent: Extent) {
    let number = acceptance.id.number
    guard state.messages[number] == nil else { return }
    apply(.accepted(acceptance, extent), to: acceptance.report?.id ?? acceptance.id, wall: acceptance.wall)
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

  /// When the last record was written that says so.
  var lastWall: Int64? { clock.lastWall }

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
      damages.append(Self.place(of: damage))
    }
    // Nothing is lost yet: no segment is kept for these.
    damages += log.badCopies.map { copy in
      Damage(segment: SegmentName.text(copy.segment), offset: Int(copy.offset), octets: SegmentHeader.octets)
    }
    state.rebuildSchedule(clock.time, wall: now.wall)
    var report = RecoveryReport()
    report.messages = state.messages.count
    report.segments = log.segments.count
    report.records = log.records
    report.octets = log.octets
    report.tornRecords = log.tornRecords
    report.torn = log.torn.map(Self.place)
    report.damages = damages.sorted { ($0.segment, $0.offset) < ($1.segment, $1.offset) }
    report.quarantined = quarantined.map(MessageID.init(number:))
    var books = QueueCore.Books(state: state, clock: QueueClock(now: now, reached: clock.time), ledger: ledger)
    books.offerFailures()
    return (books, report)
  }

  private static func place(of damage: LogDamage) -> Damage {
    Damage(
      segment: SegmentName.text(damage.segment), offset: damage.offset, octets: damage.octets,
      message: message(of: damage),
      missing: damage.missingSegments?.prefix(QueueLimits.missingSegmentsMax).map(SegmentName.text) ?? [])
  }

  private static func message(of damage: LogDamage) -> MessageID? {
    let kind = damage.type.flatMap(EventRecord.Kind.init(rawValue:))
    guard kind?.namesMessage == true, damage.payloadStart.count >= 8 else { return nil }
    let number = damage.payloadStart.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    return number > 0 && number <= MessageID.numberMax ? MessageID(number: number) : nil
  }
}
