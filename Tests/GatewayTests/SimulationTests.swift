// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit
import Testing

/// `POSTERN_SEED=N swift test --filter SimulationTests` plays one seed again.
@Suite struct SimulationTests {
  static let seeds: Range<UInt64> = {
    if let text = getenv("POSTERN_SEED"), let seed = UInt64(String(cString: text)) { return seed..<(seed + 1) }
    return 1..<1_001
  }()

  @Test(
    "under any seed no promise is broken",
    arguments: Array(stride(from: Self.seeds.lowerBound, to: Self.seeds.upperBound, by: 50)))
  func promises(first: UInt64) {
    var promised = 0
    for seed in first..<min(first + 50, Self.seeds.upperBound) {
      let report = Simulation.run(seed: seed)
      promised += report.promised
      #expect(report.violations.isEmpty, "seed=\(seed)")
    }
    #expect(promised > 0, "the seeds from \(first) tried nothing")
  }

  @Test("the faults happen: crashes, failed syncs, refusals, lost replies, orders, notifications and pauses")
  func coverage() {
    var total = Simulation.Report()
    for seed in UInt64(2_000)..<2_100 {
      let report = Simulation.run(seed: seed)
      total.promised += report.promised
      total.refused += report.refused
      total.undecided += report.undecided
      total.crashes += report.crashes
      total.failedSyncs += report.failedSyncs
      total.failureNotices += report.failureNotices
      total.delayNotices += report.delayNotices
      total.orders += report.orders
      total.pauses += report.pauses
      total.pausedHours += report.pausedHours
    }
    #expect(total.promised > 100 && total.refused > 5 && total.undecided > 20)
    #expect(total.orders > 200)
    #expect(total.failureNotices > 20 && total.delayNotices > 20)
    #expect(total.pauses > 50 && total.pausedHours > 20)
    #expect(total.crashes > 20 && total.failedSyncs > 50)
  }

  @Test("the same seed gives the same trace", arguments: [3, 77, 4_242] as [UInt64])
  func reproducible(seed: UInt64) {
    #expect(Simulation.run(seed: seed).trace == Simulation.run(seed: seed).trace)
    #expect(Simulation.run(seed: seed).trace != Simulation.run(seed: seed + 1).trace)
  }
}
