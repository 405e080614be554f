// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// Folds the log into the state that it describes.
struct QueueRecovery {
  private var state: QueueState
  private var clock: LogClock
  /// Counts of no time more than what is surely seen to pass while something is dropped.
  private var dropClock = LogClock(stepMax: QueueLimits.markMilliseconds)
  private var ledger = SegmentLedger()
  /// Chunks that no message has named yet.
  private var chunks: [Position: Extent] = [:]
  private var missing: [UInt64: [Extent]] = [:]
  private var damages: [Damage] = []
  private var damagedPlaces: Set<Position> = []
  /// Everything below was no longer needed.
  private var floor: UInt32 = 0

  init(policy: QueuePolicy) {
    state = QueueState(policy: policy)
    clock = LogClock(stepMax: policy.delayMax)
  }

  /// Found so far and not finished.
  var messages: Int { state.messages.count }

  /// The payload of an acceptance may be without prefix and content.
  mutating func visit(_ type: UInt8, _ extent: Extent, _ payload: UnsafeRawBufferPointer) {
    switch EventRecord.Kind(rawValue: type) {
    case .content:
      chunks[extent.position] = extent
    case .accepted:
      guard let acceptance = EventRecord.acceptance(payload, octets: Int(extent.octets)) else {
        return noteUnreadable(extent)
      }
      accept(acceptance, extent)
    case .attempted:
      guard let attempt = EventRecord.attempt(payload) else { return noteUnreadable(extent) }
      apply(.attempted(attempt, extent.position), to: attempt.id, wall: attempt.wall)
    case .flushed:
      guard let (ids, wall) = EventRecord.messages(payload) else { return noteUnreadable(extent) }
      advance(to: wall)
      state.apply(.flushed(ids, wall: wall), at: clock.time)
    case .stoodStill:
      guard let total = EventRecord.stoodStill(payload) else { return noteUnreadable(extent) }
      state.apply(.stoodStill(total: total), at: clock.time)
    case .held:
      guard let order = EventRecord.hold(payload) else { return noteUnreadable(extent) }
      advance(to: order.wall)
      state.apply(.held(order), at: clock.time)
    case .released:
      guard let (ids, wall) = EventRecord.messages(payload) else { return noteUnreadable(extent) }
      advance(to: wall)
      state.apply(.released(ids, wall: wall), at: clock.time)
    case .bounced:
      guard let bounce = EventRecord.bounce(payload) else { return noteUnreadable(extent) }
      apply(.bounced(bounce, extent.position), to: bounce.id, wall: bounce.wall)
    case .moved:
      guard let moved = EventRecord.moved(payload, octets: Int(extent.octets)) else { return noteUnreadable(extent) }
      move(moved, extent)
    case .kept:
      // Nobody gave up the segment that he was writing to.
      guard let facts = EventRecord.kept(payload), facts.floor <= extent.segment else { return noteUnreadable(extent) }
      floor = max(floor, facts.floor)
      state.apply(.kept(facts), at: clock.time)
    case .adopted:
      guard let adopted = EventRecord.adopted(payload) else { return noteUnreadable(extent) }
      state.apply(.adopted(adopted), at: clock.time)
    case .dropped:
      guard let order = EventRecord.drop(payload) else { return noteUnreadable(extent) }
      advance(to: order.wall)
      state.apply(.dropped(order), at: clock.time)
    case .undropped:
      guard let order = EventRecord.undrop(payload) else { return noteUnreadable(extent) }
      advance(to: order.wall)
      state.apply(.undropped(order), at: clock.time)
    case .erased:
      guard let (ids, wall) = EventRecord.messages(payload) else { return noteUnreadable(extent) }
      advance(to: wall)
      for finished in state.apply(.erased(ids, wall: wall), at: clock.time) { ledger.remove(finished) }
      for id in ids { missing[id.number] = nil }
    case nil:
      noteUnreadable(extent)
    }
  }

  /// Before each event that says when it was.
  private mutating func advance(to wall: Int64) {
    clock.advance(to: wall)
    dropClock.advance(to: wall)
    state.drops.uncounted = clock.time - dropClock.time
  }

  /// An event that may finish the message.
  private mutating func apply(_ event: QueueEvent, to id: MessageID, wall: Int64) {
    advance(to: wall)
    let finished = state.apply(event, at: clock.time)
    for extent in finished { ledger.remove(extent) }
    if !finished.isEmpty { missing[id.number] = nil }
  }

  private mutating func accept(_ acceptance: Acceptance, _ extent: Extent) {
    let number = acceptance.id.number
    if let known = state.messages[number] {
      // Two messages with one number cannot both be kept, but neither goes without a word.
      if known.accepted != extent {
        note(.numberTwice, extent, of: acceptance.id)
        ledger.noteDamage(extent.segment)
      }
      return
    }
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

  private mutating func move(_ moved: MovedMessage, _ extent: Extent) {
    let number = moved.acceptance.id.number
    // A piece of compaction bears one time, and other records stand between its own: it must not set the clock back, or
    // what follows is counted twice.
    if moved.wall > clock.lastWall ?? .min { advance(to: moved.wall) }
    let before = Set(state.messages[number]?.allExtents ?? [])
    for extent in state.apply(.moved(moved, extent), at: clock.time) { ledger.remove(extent) }
    for extent in moved.acceptance.extents + [extent] where !before.contains(extent) { ledger.add(extent) }
    // What stayed where it was is judged as before, if the head is still there; else it is lost.
    let known = Set(missing[number] ?? [])
    let lost = moved.acceptance.extents.filter { extent in
      before.contains(extent) ? known.contains(extent) : chunks[extent.position] != extent
    }
    for extent in moved.acceptance.extents { chunks[extent.position] = nil }
    missing[number] = lost.isEmpty ? nil : lost
    state.setQuarantined(number, !lost.isEmpty)
  }

  /// The octets are those that were written, but this program did not write them so.
  private mutating func noteUnreadable(_ extent: Extent) {
    note(.unknownRecord, extent, of: nil)
    ledger.noteDamage(extent.segment)
  }

  private mutating func note(_ kind: Damage.Kind, _ extent: Extent, of message: MessageID?) {
    damagedPlaces.insert(extent.position)
    damages.append(
      Damage(
        kind: kind, segment: SegmentName.text(extent.segment), offset: Int(extent.offset),
        octets: RecordHeader.span(payload: Int(extent.octets)), message: message))
  }

  /// When the last record was written that says so.
  var lastWall: Int64? { clock.lastWall }

  /// The queue as of now, and what there is to say about it.
  mutating func finish(
    _ log: RecoveredLog, router: (any MailRouter)? = nil, now: Instant
  ) -> (QueueCore.Books, RecoveryReport) {
    advance(to: now.wall)
    state.noteNumber(log.mark)
    // What could not be read may come back, and must not find its numbers given to others.
    if !log.damages.isEmpty { state.lastNumber += QueueLimits.numbersBehindDamage }
    if SeededFault.numberUsedAgain { state.lastNumber = 0 }
    var log = log
    // Before segments go from the head it is written down from where on they are needed.
    log.require(floor)
    let quarantined = missing.keys.sorted()
    for number in quarantined {
      for extent in missing[number]! {
        note(.content, extent, of: MessageID(number: number))
        // Nothing is kept for what is not there.
        if log.segmentOctets[extent.segment] != nil { continue }
        ledger.remove(extent)
        ledger.giveUp(extent)
      }
    }
    for damage in log.damages {
      if damage.isLoss { ledger.noteDamage(damage.segment) }
      let place = Position(segment: damage.segment, offset: UInt32(damage.offset))
      if damagedPlaces.contains(place) { continue }
      damages.append(Self.place(of: damage))
    }
    // Nothing is lost yet: no segment is kept for these.
    damages += log.badCopies.map { copy in
      Damage(
        kind: .headerCopy, segment: SegmentName.text(copy.segment), offset: Int(copy.offset),
        octets: SegmentHeader.octets)
    }
    // What still lives below it is worth more than what one record says.
    floor = min(floor, ledger.lowestNeeded)
    state.lanes.router = router
    state.rebuildSchedule(clock.time)
    var report = RecoveryReport()
    report.messages = state.messages.count
    report.spool = log.spool
    report.segments = log.segments.count
    report.records = log.records
    report.octets = log.octets
    report.tornRecords = log.tornRecords
    report.torn = log.torn.map(Self.place)
    report.damages = damages.sorted { ($0.segment, $0.offset) < ($1.segment, $1.offset) }
    report.quarantined = quarantined.map(MessageID.init(number:))
    var books = QueueCore.Books(
      state: state, clock: QueueClock(now: now, reached: clock.time), ledger: ledger,
      floor: floor)
    books.offerOutcomes()
    return (books, report)
  }

  private static func place(of damage: LogDamage) -> Damage {
    Damage(
      kind: .log(damage.kind), segment: damage.name, offset: damage.offset, octets: damage.octets,
      records: damage.records, message: message(of: damage))
  }

  private static func message(of damage: LogDamage) -> MessageID? {
    let kind = damage.type.flatMap(EventRecord.Kind.init(rawValue:))
    guard kind?.namesMessage == true, damage.payloadStart.count >= 8 else { return nil }
    let number = damage.payloadStart.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    return number > 0 && number <= MessageID.numberMax ? MessageID(number: number) : nil
  }
}
