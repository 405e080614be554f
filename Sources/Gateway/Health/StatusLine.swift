// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue

/// What `systemctl status` shows of us: `3 waiting, office ok`, `2 waiting, office paused (login), spare ok`,
/// `5 waiting, office ok, paused: in, out`, `5 waiting, office ok, spool low: mail is refused`.
struct StatusLine: Equatable, CustomStringConvertible {
  /// Messages for which there is still something to try.
  var waiting: Int
  /// Each with its health, the one that is used first in front.
  var upstreams: [String]
  /// By hand; an upstream that is has it in its health.
  var paused: [String]
  /// ok, low or failing.
  var spool: String

  init(
    queue: QueueSummary, upstreams: [(name: String, health: UpstreamHealth)], pauses: Pauses = Pauses(),
    spool: String = "ok"
  ) {
    self.spool = spool
    waiting = queue.queued + queue.sending + queue.deferred
    self.upstreams = upstreams.map { name, health in
      "\(name) \(health.state)" + (health.reason.map { " (\($0))" } ?? "")
    }
    paused = pauses.targets.filter { $0 == .incoming || $0 == .outgoing }.map(\.description)
  }

  var description: String {
    "\(waiting) waiting, " + upstreams.joined(separator: ", ")
      + (spool == "ok" ? "" : ", spool \(spool): mail is refused")
      + (paused.isEmpty ? "" : ", paused: \(paused.joined(separator: ", "))")
  }
}
