// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import TestKit

/// Every bit of a small spool flipped, then some bits and tails of a larger one.
struct SimulatorFlips {
  private let random: UInt64

  init(random: UInt64) {
    self.random = random
  }

  /// Returns the exit status.
  func run() -> Int32 {
    let small = DamagedSpool(messages: 6)
    if let fault = small.flipEveryBit() { return tell(fault) }
    Output.say("every bit of a spool of \(small.octets) octets: detected or harmless")
    let large = DamagedSpool(messages: 60)
    if let fault = large.damage(times: random) { return tell(fault) }
    Output.say("\(random) flips and cuts of a spool of \(large.octets) octets: detected or harmless")
    return 0
  }

  private func tell(_ fault: String) -> Int32 {
    Output.say("failed: \(fault)")
    return 1
  }
}
