// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// When it is worth while to copy what lives in the oldest segment.
struct CompactionNeed: Sendable {
  /// The disk is nearly full: room counts more than the octets that are copied for it.
  var isSpaceShort = false
  /// Somebody was told, and has not said yet that there is nothing to do.
  var isAsked = false

  /// The segment that was written to when this round began: what lives behind it is copied already.
  private var end: UInt32 = 0
  /// Octets without and with life when this round began.
  private var deadOctets = 0
  private var liveOctets = 0
  /// Octets without life that a round could not free, because records do not fill their segments to the last octet.
  private var remainder = 0

  /// With the usual threshold a round over the whole log copies no more than it frees.
  func isDue(_ use: LogUse, liveOctets: Int, segmentOctets: Int) -> Bool {
    let dead = use.octets - liveOctets
    return isWorthwhile(dead, liveOctets, segmentOctets) && use.first < use.current
      && (remainder == 0 || dead > remainder + segmentOctets / 4)
  }

  private func isWorthwhile(_ dead: Int, _ liveOctets: Int, _ segmentOctets: Int) -> Bool {
    dead > (isSpaceShort ? liveOctets / 4 : liveOctets) + segmentOctets
  }

  mutating func begin(_ use: LogUse, liveOctets: Int) {
    isAsked = true
    end = use.current
    deadOctets = use.octets - liveOctets
    self.liveOctets = liveOctets
  }

  /// A round that frees nothing is the last one until there is more to free.
  mutating func noteProgress(_ use: LogUse, liveOctets: Int, segmentOctets: Int) {
    let dead = use.octets - liveOctets
    if !isWorthwhile(dead, liveOctets, segmentOctets) { remainder = 0 }
    guard isAsked, use.first > end else { return }
    // Unless other mail came and went meanwhile, which says nothing about the round.
    if dead >= deadOctets, abs(liveOctets - self.liveOctets) < segmentOctets / 8 { remainder = dead }
    begin(use, liveOctets: liveOctets)
  }
}

extension QueueCore.Books {
  func isCompactionDue(_ use: LogUse) -> Bool {
    compaction.isDue(use, liveOctets: ledger.totalOctets, segmentOctets: state.policy.segmentOctets)
  }

  mutating func askForCompaction(_ use: LogUse) -> Bool {
    guard !compaction.isAsked, isCompactionDue(use) else { return false }
    compaction.begin(use, liveOctets: ledger.totalOctets)
    return true
  }

  /// The record without which nothing is removed from the head, if more of it could go now.
  mutating func takeFloor(_ use: LogUse) -> [OwnRecord] {
    guard mayRetire else { return [] }
    mayRetire = false
    let wanted = min(ledger.lowestNeeded, use.current)
    guard wanted > floorAsked, wanted > use.first else { return [] }
    floorAsked = wanted
    if SeededFault.keptNotWritten {
      floor = wanted
      return []
    }
    let facts = KeptFacts(
      floor: wanted, standstill: state.standstill, lastBatch: state.lastBatch, adopted: state.adopted)
    return [
      OwnRecord(
        type: EventRecord.Kind.kept.rawValue, payload: EventRecord.payload(facts),
        ticket: addPending(.kept(floor: wanted)))
    ]
  }

  /// The copy of a message is durable. One that was finished meanwhile stays so: that is written behind the copy.
  mutating func settle(_ moved: MovedMessage, _ extent: Extent, lost: [Extent]) {
    let number = moved.acceptance.id.number
    guard let old = state.messages[number] else { return }
    let before = Set(old.allExtents)
    let gone = state.apply(.moved(moved, extent), at: clock.lastTime)
    // Who has it now reads it where it was.
    for (lease, leased) in leases where leased.number == number {
      for extent in gone { ledger.pin(extent.segment) }
      leases[lease]!.pins += gone.map(\.segment)
    }
    release(gone)
    for extent in lost where !ledger.isLost(extent) {
      ledger.remove(extent)
      ledger.giveUp(extent)
    }
    for extent in moved.acceptance.extents + [extent] where !before.contains(extent) { ledger.add(extent) }
    if !lost.isEmpty { state.quarantine(number) }
    mayRetire = true
  }

  /// The message, if something of it lives in this segment and nobody has it or writes about it.
  func movable(_ number: UInt64, from segment: UInt32) -> MessageSnapshot? {
    guard let snapshot = state.snapshot(number) else { return nil }
    let message = snapshot.message
    guard !message.isLeased, message.unsettled == 0, !notices.isBusy(number) else { return nil }
    let lives =
      message.accepted.segment == segment
      || message.extents.contains { $0.segment == segment && !ledger.isLost($0) }
    return lives ? snapshot : nil
  }
}
