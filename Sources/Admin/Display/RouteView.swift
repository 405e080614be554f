// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The answer of `route test`: the rule, then a line for each upstream of the way.
package enum RouteView {
  package static func lines(_ route: RouteReply, style: Style) -> [String] {
    let escaped = TerminalText.escaped
    let rule = route.route.map { "[[route]] \($0)" } ?? "no route names it, so by priority"
    let name = route.upstreams.map(\.name.count).max() ?? 0
    let states = route.upstreams.map { $0.state + ($0.reason.map { " (\($0))" } ?? "") }
    let state = states.map(\.count).max() ?? 0
    return ["<\(escaped(route.from))> to <\(escaped(route.to))>: \(rule): \(escaped(route.way))"]
      + zip(route.upstreams, states).map { step, text in
        let sender =
          step.sender.map { $0 == route.from ? "sender as it is" : "sender becomes <\(escaped($0))>" }
          ?? "takes no mail of this sender: it would be refused (5.7.1)"
        return "  \(step.carries ? style.arrow : " ") \(escaped(step.name).padding(to: name))  "
          + "\(escaped(text).padding(to: state))  \(sender)"
      }
  }
}

/// The answer of `upstream show`.
package enum UpstreamView {
  package static func lines(_ reply: UpstreamReply, now: Timestamp, style: Style) -> [String] {
    let upstream = reply.upstream
    let escaped = TerminalText.escaped
    let reason = upstream.reason.map { " (\($0))" } ?? ""
    let since = upstream.since.map { " since \($0.forPeople)" } ?? ""
    var lines = [
      style.paint("\(escaped(upstream.name)) \(escaped(upstream.endpoint))", .strong)
        + "  \(escaped(upstream.state + reason))\(since)"
    ]
    if let text = upstream.reply { lines.append("  last seen      " + escaped(text)) }
    if let next = upstream.nextProbe {
      lines.append("  next try       \(next.forPeople)   \(Humane.until(next, from: now))")
    }
    return lines + reply.facts.map { "  \(escaped($0.name).padding(to: 14)) \(escaped($0.value))" }
  }
}
