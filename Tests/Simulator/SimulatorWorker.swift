// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit

/// Plays every n-th seed and says on standard output where it is, so that its death names a seed: `at SEED`, then
/// `failed SEED VIOLATION`, or at the end `total HASH COUNT…`.
struct SimulatorWorker {
  /// A run takes milliseconds; one that has not ended by then never will.
  private static let secondsMax: UInt32 = 60

  private let arguments: SimulatorArguments
  private let place: Int
  private let places: Int

  init(_ arguments: SimulatorArguments, place: Int, of places: Int) {
    self.arguments = arguments
    self.place = place
    self.places = places
  }

  func run() -> Never {
    var total = SimulationReport()
    var seed = arguments.first + UInt64(place)
    let end = arguments.first + arguments.seeds
    while seed < end {
      Output.say("at \(seed)")
      alarm(Self.secondsMax)
      let report = Simulation.run(seed: seed)
      if let violation = report.violations.first {
        Output.say("failed \(seed) \(violation)")
        exit(1)
      }
      total.trace ^= report.trace
      total.add(report)
      seed += UInt64(places)
    }
    let counts = SimulationReport.Count.allCases.map { String(total[$0]) }
    Output.say("total \(total.trace) \(counts.joined(separator: " "))")
    exit(0)
  }
}
