// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// What all upstreams and the simulation share: when it is.
final class SimulatedTime {
  var now: Instant
  /// Monotonic, when everybody had reacted last. What is seen now happened since then.
  var previous: Int64
  /// Grows with each time that everybody reacts.
  var turn = 0

  init(_ now: Instant) {
    self.now = now
    previous = now.monotonic
  }
}

/// One relayhost, for the whole of a run: what it offers, what ails it, what it was given, and what its connections have
/// in common. `SimulatedFleet` has them; each `SimulatedUpstream` is one connection to one of them.
final class SimulatedServer {
  /// What becomes of the octets of a chunk that it refuses (RFC 3030 section 2).
  enum Discarding: CaseIterable {
    /// As it should be.
    case always
    /// They are taken for commands.
    case never
    /// Outside a transaction they are discarded, so that the gateway's question shows nothing.
    case outside
  }

  /// What ails it for a while.
  enum Ailment: Equatable {
    /// Nobody answers.
    case dead
    /// There is no login for it.
    case noLogin
    /// It says this to most messages.
    case says(SimulatedReply)
  }

  let name: String
  let time: SimulatedTime
  let isPipelining: Bool
  let isChunking: Bool
  let discarding: Discarding
  /// Commands of a thousand that it meets with a mood.
  let moodiness: Int
  var ailment: Ailment?
  /// Steps until it is well again.
  var ailmentLeft = 0
  var allowance = AllowanceBook()
  /// By hand, of this one or of all.
  var isPaused = false { didSet { if isPaused != oldValue, fineSince != nil { fineSince = time.now.monotonic } } }

  /// The gateway has met no trouble since this monotonic time, and could have sent it everything; nil: it has.
  private(set) var fineSince: Int64?
  private var lastTrouble = 0
  /// The gateway knows for certain that nobody answers, or that there is no login.
  private(set) var isSurelyDown = false
  /// Settings under which it has shown that it discards refused chunks.
  var provenGenerations: Set<Int> = []
  /// The same, of those who have met one that it did not discard, with the turn.
  var offended: [Int: Int] = [:]
  /// Settings under which a dialogue has stood.
  var greetedGenerations: Set<Int> = []

  init(_ name: String, _ time: SimulatedTime, using generator: inout SeededGenerator) {
    self.name = name
    self.time = time
    isPipelining = !generator.oneIn(5)
    isChunking = generator.oneIn(2)
    discarding = generator.oneIn(2) ? .always : Discarding.allCases.randomElement(using: &generator)!
    moodiness = [0, 300, 1_000, 1_000].randomElement(using: &generator)!
  }

  // MARK: - What the gateway makes of it

  /// A process begins, or settings that did not name it before.
  func begin() {
    fineSince = time.now.monotonic
    isSurelyDown = false
  }

  /// The settings do not name it any more.
  func leave() {
    fineSince = nil
    isSurelyDown = false
  }

  /// Something was wrong with it, or will be when it arrives.
  func trouble() {
    fineSince = nil
    lastTrouble = time.turn
  }

  /// There was no connection to be had, and there is none.
  func couldNotConnect(isAlone: Bool) {
    trouble()
    if isAlone { isSurelyDown = true }
  }

  func connected() { isSurelyDown = false }

  /// The gateway was told that it works.
  func isSaidToWork() { isSurelyDown = false }

  /// A message went well, over a connection that was opened in this turn.
  func wentWell(openedAt turn: Int) {
    if fineSince == nil, turn > lastTrouble { fineSince = time.now.monotonic }
  }

  /// Mail that is to go here first must not go elsewhere: it was so for long enough to have been begun while it was so.
  var mustBeUsed: Bool {
    guard !isPaused, !allowance.hasQuota, let fineSince else { return false }
    return fineSince + 1_000 <= time.previous
  }
}
