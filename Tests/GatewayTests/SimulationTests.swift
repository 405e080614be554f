// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit
import Testing

/// A few seeds with the checks of a debug build. `make simulate SEEDS=N` plays many, `POSTERN_SEED=N swift test --filter
/// SimulationTests` one of them here.
@Suite struct SimulationTests {
  static let seeds: Range<UInt64> = {
    if let text = getenv("POSTERN_SEED"), let seed = UInt64(String(cString: text)) { return seed..<(seed + 1) }
    return 1..<201
  }()

  @Test(
    "under any seed no promise is broken",
    arguments: Array(stride(from: Self.seeds.lowerBound, to: Self.seeds.upperBound, by: 25)))
  func promises(first: UInt64) {
    for seed in first..<min(first + 25, Self.seeds.upperBound) {
      #expect(Simulation.run(seed: seed).violations.isEmpty, "seed=\(seed)")
    }
  }

  @Test("everything that can happen happens")
  func coverage() {
    var total = SimulationReport()
    for seed in UInt64(2_000)..<2_160 { total.add(Simulation.run(seed: seed)) }
    for count in SimulationReport.Count.allCases where count != .refusedStarts {
      #expect(total[count] >= 10, "\(count.rawValue)")
    }
  }

  @Test("the same seed gives the same event hash, another one another", arguments: [3, 77, 4_242] as [UInt64])
  func reproducible(seed: UInt64) {
    let hash = Simulation.run(seed: seed).trace
    #expect(Simulation.run(seed: seed).trace == hash)
    #expect(Simulation.run(seed: seed) { _ in }.trace == hash, "reading along changes nothing")
    #expect(Simulation.run(seed: seed + 1).trace != hash)
  }
}
