// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import SMTP
import WAL

/// Which way mail goes, and what is known of each upstream.
extension GatewayAdministration {
  func route(_ delivery: Configuration.Delivery) -> RouteReply {
    let settings = gateway.settings.current
    let (route, way) = settings.routes.explain(delivery)
    var isDecided = false
    var steps: [RouteReply.Step] = []
    for group in way.groups {
      let states = group.map { ($0, gateway.upstreamHealth[$0]) }
      let carrying = isDecided ? [] : states.filter { $0.1.mayCarry }.map(\.0)
      isDecided = isDecided || !carrying.isEmpty
      for (name, health) in states {
        let outcome = settings.upstream(named: name)?.senderRule.outcome(for: delivery.sender, of: delivery.client)
        steps.append(
          RouteReply.Step(
            name: name, state: health.state, reason: health.reason, carries: carrying.contains(name),
            sender: outcome?.text))
      }
    }
    return RouteReply(
      from: delivery.sender?.text ?? "", to: delivery.recipient.text, route: route?.number, way: way.description,
      upstreams: steps)
  }

  func upstream(_ name: String) throws(AdminError) -> UpstreamReply {
    try check(upstream: name)
    let now = gateway.clock.now()
    guard let settings = gateway.settings.current.upstream(named: name) else {
      throw AdminError("upstream.unknown", "there is no upstream '\(TerminalText.escaped(name))'", exit: .noInput)
    }
    let health = gateway.upstreamHealth[name]
    let upstream = StatusReply.Upstream(settings, health, now: now)
    let budgets = UpstreamReply.Fact.budgets(settings.upstream, upstream.quota, health, now: now)
    return UpstreamReply(upstream: upstream, facts: facts(settings, health, budgets) + advice(name))
  }

  private func facts(
    _ settings: UpstreamSettings, _ health: UpstreamHealth, _ budgets: [UpstreamReply.Fact]
  ) -> [UpstreamReply.Fact] {
    let upstream = settings.upstream
    var facts = [
      UpstreamReply.Fact("provider", upstream.provider), UpstreamReply.Fact("priority", "\(upstream.priority)"),
    ]
    if !upstream.isCapture {
      facts += SecurityFacts(settings, gateway.upstreamHealth.security(of: upstream.name)).facts
      facts.append(UpstreamReply.Fact("login", upstream.loginText))
      facts.append(UpstreamReply.Fact.announced(gateway.announcements[upstream.name]))
    }
    facts.append(UpstreamReply.Fact("connections", "at most \(upstream.maxConnections)"))
    if upstream.maxPerConnection > 0 {
      facts.append(UpstreamReply.Fact("per connection", "at most \(upstream.maxPerConnection) messages"))
    }
    facts += budgets
    facts.append(UpstreamReply.Fact("senders", upstream.senders.map(\.description).joined(separator: ", ")))
    if let rewrite = upstream.rewrite { facts.append(UpstreamReply.Fact("others become", rewrite.text)) }
    return facts
  }

  private func advice(_ upstream: String) -> [UpstreamReply.Fact] {
    guard let meaning = meaning(ofTroubleOf: upstream) else { return [] }
    return [UpstreamReply.Fact("that means", meaning.cause)]
      + (meaning.fix.map { [UpstreamReply.Fact("what to do", $0)] } ?? [])
  }

  func meaning(ofTroubleOf upstream: String) -> ReplyMeaning? {
    guard let trouble = gateway.upstreamHealth[upstream].trouble,
      let settings = gateway.settings.current.upstream(named: upstream),
      let rule = ReplyVerdict.rule(for: trouble, of: settings)
    else { return nil }
    return ReplyMeaning(rule, upstream: upstream)
  }

  func meaning(of reply: Reply, from upstreams: [String]) -> ReplyMeaning? {
    ReplyMeaning(reply, from: upstreams, in: gateway.settings.current)
  }
}

extension UpstreamReply.Fact {
  /// What it offers, as we were told last.
  static func announced(_ announcement: Announcements.Announcement?) -> Self {
    guard let announcement else { return Self("announced", "not heard since the start; any size is taken for it") }
    let keywords = announcement.extensions.keywords
    return Self(
      "announced",
      (keywords.isEmpty ? "nothing of use" : keywords.joined(separator: ", "))
        + "; \(Timestamp(milliseconds: announcement.seen.wall).forPeople)")
  }

  /// What an upstream may be given, with the time at which more goes on where it does not now.
  static func budgets(
    _ upstream: Configuration.Upstream, _ quota: StatusReply.Quota?, _ health: UpstreamHealth, now: Instant
  ) -> [Self] {
    func time(_ monotonic: Int64) -> String {
      Timestamp(milliseconds: now.wall + monotonic - now.monotonic).forPeople
    }
    var facts: [Self] = []
    if let rate = upstream.rate {
      let opens = health.budget.rateOpens(at: now.monotonic).map { "; the next one at \(time($0))" } ?? ""
      facts.append(Self("rate", "\(rate.count) messages in \(rate.seconds) s\(opens)"))
    }
    if let quota { facts.append(Self("quota", quota.description)) }
    if let pace = health.pace {
      let pause = pace.pauseMilliseconds(configured: upstream.maxConnections)
      facts.append(
        Self(
          "pace",
          "at most \(pace.connectionsMax(upstream.maxConnections)) connections"
            + (pause > 0 ? ", \(pause) ms between messages" : "")
            + (pace.nextEase.map { "; eased at \(time($0))" } ?? "")))
    }
    return facts
  }
}

extension UpstreamHealth {
  /// Mail may go to it; a standby upstream could have it.
  fileprivate var mayCarry: Bool { ["ok", "slow", "standby"].contains(state) }
}

extension Configuration.Upstream {
  fileprivate var loginText: String {
    guard authenticates else { return "none" }
    guard mechanism == .external else { return username ?? "yes" }
    return "by client certificate" + (username.map { ", as \($0)" } ?? "")
  }
}
