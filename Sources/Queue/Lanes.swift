// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The lanes of the routing that is in force, and how far its router has been asked for the mail that was there before
/// it. None of it is written down.
struct Lanes: Sendable {
  /// nil: all mail is in the first lane.
  var router: (any MailRouter)?
  private(set) var routing: UInt32 = 0
  private var turns: [LaneTurns] = []
  /// Messages behind this number and up to `routeEnd` have no lane yet, and are in no ready list.
  private var routedThrough: UInt64 = 0
  private var routeEnd = UInt64.max

  func readyCount(_ lane: Lane) -> Int {
    lane.routing == routing && Int(lane.number) < turns.count ? turns[Int(lane.number)].readyCount : 0
  }

  func isUnrouted(_ number: UInt64) -> Bool { number > routedThrough && number <= routeEnd }

  // MARK: routing

  /// Empties all lanes. Mail up to `end` comes back when it is routed.
  mutating func adopt(_ router: any MailRouter, through end: UInt64) {
    self.router = router
    routing &+= 1
    turns = []
    routedThrough = 0
    routeEnd = end
  }

  /// Where to go on; nil if all mail is routed.
  var cursor: UInt64? { routedThrough < routeEnd ? routedThrough : nil }

  /// This message and those before it are routed.
  mutating func route(_ number: UInt64) { routedThrough = number }

  mutating func endRouting() { routeEnd = 0 }

  // MARK: turns

  /// `ready` and `new` as `RecipientTable.makeReady` gives them.
  mutating func enter(_ number: UInt64, of submitter: UInt32, ready: LaneSet, new: LaneSet) {
    ready.forEach { lane in
      while turns.count <= Int(lane) { turns.append(LaneTurns()) }
      turns[Int(lane)].readyCount += 1
    }
    new.forEach { turns[Int($0)].list(number, of: submitter) }
  }

  mutating func leave(_ lanes: LaneSet) {
    lanes.forEach { turns[Int($0)].readyCount -= 1 }
  }

  mutating func takeNext(_ lane: Lane, where isReady: (UInt64) -> Bool) -> UInt64? {
    guard lane.routing == routing, Int(lane.number) < turns.count else { return nil }
    return turns[Int(lane.number)].takeNext(where: isReady)
  }
}
