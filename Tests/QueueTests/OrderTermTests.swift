// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Queue

@Suite("The time of an order: what it adds to a life, and when it ends")
struct OrderTermTests {
  private static let wall: Int64 = 1_800_000_000_000
  private static let quarter = QueueLimits.clockDoubtMilliseconds

  private func term(for milliseconds: Int64?) -> OrderTerm {
    OrderTerm(
      ordered: Self.wall, until: milliseconds.map { Self.wall + $0 }, time: 1_000, standstill: 100)
  }

  @Test("a life is longer by it, but not by standstill in the same time, nor before it was restarted")
  func lengthening() {
    var term = term(for: nil)
    #expect(term.lengthening(at: 1_500, standstill: 100) == 500)
    #expect(term.lengthening(at: 1_500, standstill: 300) == 300)
    #expect(term.lengthening(at: 1_500, standstill: 900) == 0)
    term.restart(at: 1_400, standstill: 300)
    #expect(term.lengthening(at: 1_500, standstill: 320) == 80)
    let read = OrderTerm(ordered: 0, until: nil, elapsed: 400, standstill: 100, time: 9_000, wall: 0)
    #expect(read.lengthening(at: 9_100, standstill: 150) == 450)
  }

  @Test("its end is in queue time, whatever the wall clock shows, until the wall clock is followed")
  func end() {
    #expect(term(for: nil).end(at: 1_000, wall: 0) == nil)
    #expect(term(for: -5).due == 1_000, "one that ends before it was ordered is over")
    var term = term(for: 5 * hour)
    #expect(term.end(at: 1_000, wall: .max) == 1_000 + 5 * hour)
    term.postpone(by: 7)
    #expect(term.end(at: 1_000, wall: 0) == 1_007 + 5 * hour && term.believed == nil)
    let read = OrderTerm(
      ordered: Self.wall, until: Self.wall + hour, elapsed: 0, standstill: 0, time: 50, wall: Self.wall + 10 * minute)
    #expect(read.due == 50 + 50 * minute)
  }

  @Test("an end that is a time of day is what the clock says is left, not before a quarter of an hour has passed")
  func wallClock() {
    var endless = term(for: nil)
    endless.followWallClock(from: 0)
    #expect(endless.end(at: 0, wall: .max / 2) == nil)
    var term = term(for: 5 * hour)
    term.followWallClock(from: 9_000)
    func end(_ passed: Int64, left: Int64) -> Int64? { term.end(at: 9_000 + passed, wall: Self.wall + 5 * hour - left) }
    #expect(end(0, left: 2 * hour) == 9_000 + 2 * hour)
    #expect(end(0, left: 0) == 9_000 + Self.quarter && end(0, left: -365 * day) == 9_000 + Self.quarter)
    #expect(end(Self.quarter, left: hour) == 9_000 + Self.quarter + hour, "the clock was set right")
    #expect(end(hour, left: 365 * day) == 9_000 + 5 * hour, "no longer than it was ordered")
    #expect(term.expectedEnd(at: 9_000, wall: Self.wall + 6 * hour) == 9_000)
  }
}
