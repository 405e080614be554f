// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What a run was, or many of them together: a harness in which nothing happens proves nothing.
package struct SimulationReport: Sendable {
  /// Over everything that happened, in order.
  package var trace: UInt64 = 0
  package var violations: [String] = []
  package var counts: [Count: Int] = [:]

  package enum Count: String, Sendable, CaseIterable {
    case events, clients
    case promised, refused, undecided
    case turnedAway = "turned away"
    case deliveries, duplicates, expired
    case failureNotices = "failure notices"
    case delayNotices = "delay notices"
    case crashes, kills
    case starts, refusedStarts = "refused starts"
    case diskCalls = "disk calls"
    case failedCalls = "weather spells"
    case fullDisks = "full disks"
    case slowDisks = "slow disks"
    case jumps = "clock jumps"
    case orders, holds
    case drops = "messages dropped"
    case undrops = "messages put back"
    case erasures
    case pauses
    case reloads
    case ailments = "ill upstreams"
    case failovers = "recipients at a later upstream"
    case flights = "flights"
    case outlasted = "seeds with a long outage"
    case pausedHours = "paused hours"
    case segments = "segments made"
    case removals = "segments removed"
    case compactions = "pieces compacted"
    case compactingRuns = "seeds with compaction"
    case brokenCompactions = "ends amid compaction"
    case comparisons = "second recoveries"
  }

  package init() {}

  package subscript(count: Count) -> Int {
    get { counts[count, default: 0] }
    set { counts[count] = newValue }
  }

  package mutating func add(_ other: SimulationReport) {
    for (count, value) in other.counts { counts[count, default: 0] += value }
  }

  /// One line a count.
  package var text: String {
    Count.allCases.map { count in
      let value = String(self[count])
      return "  " + String(repeating: " ", count: max(0, 12 - value.count)) + value + "  " + count.rawValue
    }.joined(separator: "\n")
  }
}
