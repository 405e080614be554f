// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The screen of `status`.
package enum StatusView {
  package static func lines(_ status: StatusReply, now: Timestamp, style: Style) -> [String] {
    var lines = [heading(status, now: now, style: style), ""]
    lines.append("  in    " + incoming(status.incoming))
    lines += status.upstreams.enumerated().flatMap { index, upstream in
      outgoing(upstream, label: index == 0 ? "  out   " : "        ", now: now, style: style)
    }
    lines.append("  queue " + queue(status))
    lines.append("")
    lines += status.pauses.map { "  " + style.paint("!", .warning) + " " + PauseView.sentence($0, now: now) }
    lines += status.warnings.map { "  " + style.paint("!", .warning) + " " + TerminalText.escaped($0.message) }
    lines.append("  \(style.arrow) " + next(status))
    return lines
  }

  /// For a gateway that does not answer; `error` says why.
  package static func down(_ error: AdminError, style: Style) -> [String] {
    let mark = style.paint(style.circle, .bad)
    return ["\(mark) posternd is not running: \(TerminalText.escaped(error.message))"]
      + error.context.map { "  " + TerminalText.escaped($0) }
      + (error.hint.map { ["  \(style.arrow) " + TerminalText.escaped($0)] } ?? [])
  }

  private static func heading(_ status: StatusReply, now: Timestamp, style: Style) -> String {
    let tone: Style.Tone = status.health == .ok ? .good : .warning
    let loaded = Int((now.milliseconds - status.config.loaded.milliseconds) / 1000)
    return style.paint(style.dot, tone)
      + " postern \(TerminalText.escaped(status.version)) on \(TerminalText.escaped(status.host))   "
      + style.paint(status.health.rawValue, tone) + "   up \(Humane.longSpan(seconds: status.uptimeSeconds))   "
      + "config \(TerminalText.escaped(status.config.path)) (loaded \(Humane.longSpan(seconds: loaded)) ago)"
  }

  private static func incoming(_ incoming: StatusReply.Incoming) -> String {
    let listeners = incoming.listeners.map { "\($0.port) \(TerminalText.escaped($0.name))" }
    let limit = incoming.sizeLimit.map {
      ["messages up to \(Humane.longSize($0.bytes)) (SIZE of \(TerminalText.escaped($0.upstream)))"]
    }
    return (listeners + [Humane.count(incoming.sessions, "session")] + (limit ?? [])).joined(separator: "  ")
  }

  private static func outgoing(
    _ upstream: StatusReply.Upstream, label: String, now: Timestamp, style: Style
  ) -> [String] {
    let tone: Style.Tone =
      switch upstream.state {
      case "ok", "standby": .good
      case "slow": .warning
      default: .bad
      }
    let mark = upstream.state == "standby" ? style.circle : style.dot
    var facts = [TerminalText.escaped(upstream.endpoint)]
    if let since = upstream.since {
      facts.append("for \(Humane.longSpan(seconds: Int((now.milliseconds - since.milliseconds) / 1000)))")
    }
    if let probe = upstream.nextProbe { facts.append("next try \(Humane.until(probe, from: now))") }
    let reason = upstream.reason.map { " (\($0))" } ?? ""
    let line =
      label + TerminalText.escaped(upstream.name) + "  "
      + style.paint(mark + TerminalText.escaped(upstream.state + reason), tone) + "  " + facts.joined(separator: "  ")
    return [line] + (upstream.reply.map { ["          " + TerminalText.escaped($0)] } ?? [])
  }

  private static func queue(_ status: StatusReply) -> String {
    let queue = status.queue
    let parts = [
      (queue.queued, "queued"), (queue.sending, "sending"), (queue.deferred, "deferred"), (queue.held, "held"),
      (queue.failed, "failed"), (queue.quarantined, "quarantined"),
    ]
    let counts = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    var facts = [String(queue.total) + (counts.isEmpty ? "" : "   (\(counts))")]
    if queue.total > 0 { facts.append(Humane.longSize(queue.bytes)) }
    if let oldest = queue.oldestSeconds { facts.append("oldest \(Humane.longSpan(seconds: oldest))") }
    if let dropped = queue.dropped, dropped > 0 { facts.append("and \(dropped) dropped") }
    facts.append("spool has \(Humane.longSize(status.spool.freeBytes)) free")
    return facts.joined(separator: "   ")
  }

  private static func next(_ status: StatusReply) -> String {
    if let pause = status.pauses.first { return "postern resume \(TerminalText.escaped(PauseView.target(pause)))" }
    if status.queue.quarantined > 0 { return "postern queue state:quarantined" }
    return status.queue.failed > 0 ? "postern queue state:failed" : "postern queue"
  }
}
