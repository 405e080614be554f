// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import TestKit
import Testing

/// `postern-simulate --calls` does the same in a second or two.
@Suite("Every call of the disk fails once, and then the power goes: no promise is broken")
struct EveryCallTests {
  @Test(
    "two lives with mail of every kind, orders, segments that go, compaction, recovery",
    arguments: EveryCall.Failure.allCases)
  func lives(failure: EveryCall.Failure) {
    expect(.lives, failure)
  }

  @Test("a head in which something has rotted", arguments: EveryCall.Failure.allCases)
  func damagedHead(failure: EveryCall.Failure) {
    expect(.damagedHead, failure)
  }

  private func expect(_ script: EveryCall.Script, _ failure: EveryCall.Failure) {
    let result = EveryCall.play(script, failure)
    #expect(result.violation == nil)
    print("\(script), \(failure): \(result.runs - 1) of \(result.total) calls failed")
    let concerned = result.calls.filter { failure.concerns($0.key) }.values.reduce(0, +)
    #expect(result.runs == concerned + 1, "each of them")
  }

  @Test("no kind of call is missing")
  func everyKind() {
    var calls: Set<SimulatedDisk.Operation> = []
    for script in EveryCall.Script.allCases { calls.formUnion(EveryCall.calls(of: script).keys) }
    #expect(calls == Set(SimulatedDisk.Operation.allCases))
  }
}
