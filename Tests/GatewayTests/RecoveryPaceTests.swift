// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Gateway

@Suite("While the queue is read")
struct RecoveryPaceTests {
  @Test("the manager hears of it at once, then every two seconds, and never without progress")
  func pace() {
    var pace = RecoveryPace()
    // Progress each half second for five seconds, then the disk gives nothing for a minute.
    let times = Array(stride(from: Int64(700_000), through: 705_000, by: 500)) + [765_000]
    #expect(times.filter { pace.isDue($0) } == [700_000, 702_000, 704_000, 765_000])
  }
}
