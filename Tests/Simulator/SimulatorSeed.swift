// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import TestKit

/// One seed, with everything that happens in it as lines of virtual time, who, and what.
struct SimulatorSeed {
  private let seed: UInt64

  init(_ seed: UInt64) {
    self.seed = seed
  }

  /// Returns the exit status.
  func play(isTold: Bool) -> Int32 {
    let report = isTold ? Simulation.run(seed: seed) { Output.say($0) } : Simulation.run(seed: seed)
    Output.say("seed \(seed): event hash \(String(report.trace, radix: 16)), \(report[.events]) events")
    for violation in report.violations { Output.say("seed \(seed): \(violation)") }
    return report.violations.isEmpty ? 0 : 1
  }
}
