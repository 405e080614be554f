// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Foundation
import Queue
import SMTP
import TestKit
import Testing

@testable import Gateway

@Suite("The state of an upstream has one word everywhere")
struct StateWordsTests {
  private static let states: Set = ["ok", "slow", "paused", "unreachable", "standby"]
  private static let reasons: Set = ["login", "quota", "admin", "tls"]

  private static func trouble(_ kind: UpstreamTrouble.Kind) -> UpstreamTrouble {
    UpstreamTrouble(kind, at: "auth", PeerText("x"), Reply(535, EnhancedStatus(5, 7, 8), "x"))
  }

  private static func tripped(_ kind: UpstreamTrouble.Kind) -> UpstreamHealth {
    var breaker = Breaker()
    _ = breaker.tripped(trouble(kind), now: 0, jitter: 0)
    return UpstreamHealth(breaker.state)
  }

  private static let kinds: [UpstreamTrouble.Kind] = [.login, .tls, .quota, .unreachable, .busy, .broken]

  /// Each way for an upstream to be, with what the log says of it; nil: nothing.
  private static let all: [(health: UpstreamHealth, event: Event?)] = {
    let reply = Reply(450, EnhancedStatus(4, 7, 1), "slow down")
    var standby = UpstreamHealth()
    standby.state = "standby"
    let pause = Pause(side: "upstream", name: "office", since: Timestamp(milliseconds: 0), by: "root")
    return kinds.map { (tripped($0), .upstreamPaused("office", trouble($0), seconds: 5, waiting: 1)) } + [
      (UpstreamHealth(), .upstreamRecovered("office", pausedSeconds: 5, waiting: 1)),
      (UpstreamHealth(), .upstreamPaced("office", nil)),
      (standby, nil),
      (UpstreamHealth(without: trouble(.login), since: 0), nil),
      (UpstreamHealth(overQuota: trouble(.quota), since: 0, until: 1), nil),
      (UpstreamHealth(slow: trouble(.busy), since: 0), .upstreamPaced("office", reply)),
      (UpstreamHealth().pausedByHand(since: 0), .pausedByHand(pause)),
      (tripped(.login).pausedByHand(since: 0), nil),
    ]
  }()

  @Test("status, JSON, systemd's line, why and the journal say the same of it", arguments: all.indices)
  func same(_ index: Int) throws {
    let (health, event) = Self.all[index]
    #expect(Self.states.contains(health.state))
    #expect((health.reason == nil) == (health.state != "paused"))
    if let reason = health.reason { #expect(Self.reasons.contains(reason)) }
    let words = health.state + (health.reason.map { " (\($0))" } ?? "")

    let settings = Settings.plain(
      Configuration(hostname: "gate", upstream: Configuration.Upstream(name: "office"))
    ).upstreams[0]
    let status = StatusReply.Upstream(settings, health, now: RelayBench.start)
    let line = StatusLine(queue: QueueSummary(), upstreams: [("office", health)])
    #expect(line.description == "0 waiting, office \(words)")
    let json = String(decoding: ControlLine.json(status), as: UTF8.self)
    #expect(json.contains("\"state\":\"\(health.state)\""))
    #expect(json.contains("\"reason\"") == (health.reason != nil))
    if let reason = health.reason { #expect(json.contains("\"reason\":\"\(reason)\"")) }
    var reply = FakeGateway.status
    reply.upstreams = [status]
    let shown = StatusView.lines(reply, now: Timestamp(milliseconds: 0), style: .plain).joined(separator: "\n")
    #expect(shown.contains(words))
    #expect(Obstacles.condition(status) == "upstream office is \(words)")
    let row = UpstreamView.lines(
      UpstreamReply(upstream: status, facts: []), now: Timestamp(milliseconds: 0), style: .plain)
    #expect(row[0].contains("  \(words)"))

    guard let event else { return }
    let fields = Dictionary(uniqueKeysWithValues: event.fields.map { ($0.name, "\($0.value)") })
    let seen = [FieldName.upstreamState, .stateReason].map { fields[$0.rawValue] }
    #expect(seen[0]?.contains(health.state) == true && (seen[1] == nil) == (health.reason == nil))
    if let reason = health.reason { #expect(seen[1]?.contains(reason) == true) }
    if case .upstreamPaused = event { #expect(event.message.contains("upstream office is \(words), ")) }
  }

  @Test("the pages name each of these words")
  func pages() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appendingPathComponent("docs/RELAY.md"), encoding: .utf8)
    let rows = page.split(separator: "\n").compactMap {
      $0.wholeMatch(of: /\| `([a-z() ]+)` \| (yes|no)[:,]?.*/)?.output.1
    }
    let words = Self.states.subtracting(["paused"]).union(Self.reasons.map { "paused (\($0))" })
    #expect(Set(rows.map(String.init)) == words)
  }
}
