// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import Testing

@testable import Gateway

@Suite("How long an upstream is left alone")
struct BreakerTests {
  /// Seconds of pauses one after the other, without jitter.
  private func pauses(_ kind: UpstreamTrouble.Kind, _ count: Int) -> [Int64] {
    var breaker = Breaker()
    var now: Int64 = 0
    return (0..<count).map { _ in
      let seconds = breaker.tripped(UpstreamTrouble(kind, at: "auth", "x"), now: now, jitter: 200)
      now += seconds * 1000
      breaker.probe()
      return seconds
    }
  }

  @Test("a login that is refused is tried five times an hour at most, and ever more seldom")
  func login() {
    #expect(pauses(.login, 5) == [720, 1440, 2880, 3600, 3600])
    #expect(pauses(.quota, 4) == [900, 1800, 3600, 3600])
  }

  @Test("what may pass is looked at soon", arguments: [UpstreamTrouble.Kind.unreachable, .tls, .busy, .broken])
  func passing(kind: UpstreamTrouble.Kind) {
    #expect(pauses(kind, 8) == [5, 10, 20, 40, 80, 160, 300, 300])
  }

  @Test("where nobody answers, mail is late by a quarter of the outage, and by five minutes at most")
  func absence() {
    var breaker = Breaker()
    var now: Int64 = 0
    var tries = 0
    while now < 3_600_000 {
      _ = breaker.tripped(UpstreamTrouble(.unreachable, at: "connect", "refused"), now: now, jitter: 200)
      let next = breaker.nextProbe ?? .max
      #expect(next - now <= min(max(now / 4, 1000), 300_000))
      tries += 1
      now = next
      breaker.probe()
    }
    #expect(tries < 50)
    // One that answers begins with the usual pauses, and so does the next outage.
    #expect(breaker.tripped(UpstreamTrouble(.busy, at: "greeting", "x"), now: now, jitter: 200) == 5)
    breaker.probe()
    #expect(breaker.tripped(UpstreamTrouble(.unreachable, at: "connect", "refused"), now: now, jitter: 200) == 1)
    breaker.probe()
    #expect(breaker.healed(now: now) != nil)
    #expect(breaker.tripped(UpstreamTrouble(.unreachable, at: "greeting", "closed"), now: now, jitter: 200) == 1)
  }

  @Test("chance moves a pause by a fifth at most, and a reload ends it and begins with the shortest again")
  func reset() {
    for jitter: UInt64 in [0, 77, 200, 400, .max] {
      var breaker = Breaker()
      let seconds = breaker.tripped(UpstreamTrouble(.login, at: "auth", "x"), now: 0, jitter: jitter)
      #expect((576...864).contains(seconds) && breaker.connectionsMax(9, now: seconds * 1000 - 1000) == 0)
      breaker.reset(now: 10)
      #expect(breaker.nextProbe == 10 && breaker.connectionsMax(9, now: 10) == 1)
      breaker.probe()
      #expect(breaker.tripped(UpstreamTrouble(.login, at: "auth", "x"), now: 20, jitter: 200) == 720)
    }
  }
}
