// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Queue
import SMTP
import Testing

@testable import Gateway

@Suite("What systemctl status shows")
struct StatusLineTests {
  @Test("is how much waits and how the upstream is")
  func texts() {
    var queue = QueueSummary()
    var breaker = Breaker()
    #expect(text(queue, breaker) == "0 waiting, office ok")
    queue.queued = 1
    queue.deferred = 1
    queue.sending = 1
    queue.failed = 4
    #expect(text(queue, breaker) == "3 waiting, office ok")
    _ = breaker.tripped(UpstreamTrouble(.login, at: "auth", "535 no"), now: 0, jitter: 0)
    #expect(text(queue, breaker) == "3 waiting, office paused (login)")
    _ = breaker.healed(now: 1)
    _ = breaker.tripped(UpstreamTrouble(.unreachable, at: "connect", "refused"), now: 0, jitter: 0)
    #expect(text(queue, breaker) == "3 waiting, office unreachable")
  }

  @Test("and what is paused by hand")
  func pauses() {
    var pauses = Pauses()
    for target: PauseTarget in [.outgoing, .incoming, .upstream("office")] {
      pauses[target] = Pause(target, since: Timestamp(milliseconds: 0), until: nil, by: "a", reason: nil)
    }
    let health = UpstreamHealth().pausedByHand(since: 0)
    let line = StatusLine(queue: QueueSummary(), upstreams: [("office", health)], pauses: pauses)
    #expect(line.description == "0 waiting, office paused (admin), paused: in, out")
  }

  private func text(_ queue: QueueSummary, _ breaker: Breaker) -> String {
    StatusLine(queue: queue, upstreams: [("office", UpstreamHealth(breaker.state))]).description
  }
}
