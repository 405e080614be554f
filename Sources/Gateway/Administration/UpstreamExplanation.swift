// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

/// What ails an upstream, in sentences: its health and since when, what it said, when it is tried again, how many wait,
/// and the commands that help. A value; it looks nothing up.
struct UpstreamExplanation {
  private let upstream: StatusReply.Upstream
  private let status: StatusReply
  private let obstacles: Obstacles
  /// Messages that it may carry.
  private let waiting: Int
  /// Of what it said; nil if nobody knows.
  private let meaning: ReplyMeaning?
  private let now: Timestamp

  /// `waiting`: nil if there is no other upstream.
  init(
    _ upstream: StatusReply.Upstream, _ status: StatusReply, waiting: Int? = nil, meaning: ReplyMeaning? = nil,
    now: Timestamp
  ) {
    self.waiting = waiting ?? status.queue.queued + status.queue.deferred
    self.meaning = meaning
    self.upstream = upstream
    self.status = status
    self.now = now
    obstacles = Obstacles(status)
  }

  var reply: WhyReply {
    WhyReply(
      subject: upstream.name, state: upstream.state, headline: headline, reasons: reasons, reply: upstream.reply,
      next: upstream.nextProbe, actions: actions)
  }

  private var headline: String {
    let name = "Upstream \(upstream.name) (\(upstream.endpoint))"
    if works { return obstacles.outgoing == nil ? "\(name) works" : "\(name) works, but sending is paused:" }
    return "\(name) is \(upstream.state)" + (upstream.reason.map { " (\($0))" } ?? "")
      + (upstream.since.map { " since \($0.forPeople)" } ?? "") + ":"
  }

  private var works: Bool { upstream.state != "paused" && upstream.state != "unreachable" }

  private var reasons: [String] {
    var reasons: [String] = []
    if let pause = obstacles.outgoing { reasons.append("sending is paused" + MessageExplanation.facts(of: pause)) }
    if let pause = obstacles.pause(of: upstream) {
      reasons.append("paused" + MessageExplanation.facts(of: pause))
    }
    if !works {
      if let reply = upstream.reply {
        reasons.append("it said, or this was seen: \(reply)")
        reasons += meaning?.sentences ?? []
      }
      reasons += Self.consequences(upstream)
      if let next = upstream.nextProbe {
        reasons.append("it is tried again at \(next.forPeople) (\(Humane.until(next, from: now)))")
      }
    }
    reasons.append(waiting == 0 ? "no message waits" : "\(Humane.count(waiting, "message")) waiting")
    if let reason = status.spool.reason {
      reasons.append("new mail is refused meanwhile (spool \(status.spool.state)): \(reason)")
    }
    if !works, waiting > 0 { reasons.append("none of them is given up because of this: lifetimes stand still") }
    return reasons
  }

  private static func consequences(_ upstream: StatusReply.Upstream) -> [String] {
    switch upstream.reason {
    case "login": ["without a login that it takes nothing is sent to it, and nothing is bounced"]
    case "tls": ["without TLS as configured nothing is said to it, not even the login"]
    default: []
    }
  }

  private var actions: [WhyReply.Action] {
    let paused = obstacles.outgoing.map { _ in [WhyReply.Action(label: "send again", command: "postern resume out")] }
    return (paused ?? []) + (works ? [] : Self.actions(upstream))
  }

  /// Trouble with tokens names the command that helps.
  private static func command(in reply: String?) -> String? {
    guard let reply, reply.hasPrefix("token: "), let start = reply.firstRange(of: "postern creds ") else { return nil }
    return String(reply[start.lowerBound...].prefix { !"(;".contains($0) }).trimmed
  }

  static func actions(_ upstream: StatusReply.Upstream) -> [WhyReply.Action] {
    let now = WhyReply.Action(label: "try it now", command: "postern resume upstream \(upstream.name)")
    switch upstream.reason {
    case "login":
      let command = command(in: upstream.reply) ?? upstream.mend ?? "postern creds set \(upstream.name)"
      let isPassword = command == "postern creds set \(upstream.name)"
      return [WhyReply.Action(label: isPassword ? "give the right password" : "mend the login", command: command), now]
    case "admin": return [WhyReply.Action(label: "send through it again", command: now.command)]
    default: return [now]
    }
  }
}

extension String {
  /// Without spaces at its end.
  fileprivate var trimmed: String { String(reversed().drop { $0 == " " }.reversed()) }
}
