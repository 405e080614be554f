// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import TestKit

/// Every call of the disk fails once, in every way, in every script.
struct SimulatorCalls {
  /// Returns the exit status.
  func run() -> Int32 {
    for script in EveryCall.Script.allCases {
      for failure in EveryCall.Failure.allCases {
        let result = EveryCall.play(script, failure)
        if let violation = result.violation {
          Output.say("failed: \(script), \(violation)")
          return 1
        }
        Output.say("\(script), \(failure): \(result.runs - 1) of \(result.total) calls failed, no promise is broken")
      }
    }
    return 0
  }
}
