// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Queue
import SMTP

/// What keeps mail from leaving at one moment: pauses by hand, and upstreams that do not work where no other one of the
/// same way does.
struct Obstacles {
  let pauses: [Pause]
  let upstreams: [StatusReply.Upstream]

  /// `ways` are lists of upstreams by name, of the mail that is meant; nil: of mail that may take any.
  init(_ status: StatusReply, ways: [[String]]? = nil) {
    pauses = status.pauses
    let ailing = status.upstreams.filter { $0.state == "paused" || $0.state == "unreachable" }
    let ill = Set(ailing.map(\.name))
    let blocked = (ways ?? [status.upstreams.map(\.name)]).filter { $0.allSatisfy(ill.contains) }.joined()
    upstreams = ailing.filter { blocked.contains($0.name) }
  }

  var outgoing: Pause? { pauses.first { $0.side == "out" } }

  /// By hand.
  func pause(of upstream: StatusReply.Upstream) -> Pause? {
    pauses.first { $0.side == "upstream" && $0.name == upstream.name }
  }

  /// `upstream office is paused (login)`.
  static func condition(_ upstream: StatusReply.Upstream) -> String {
    "upstream \(upstream.name) is \(upstream.state)" + (upstream.reason.map { " (\($0))" } ?? "")
  }

  /// In a few words, a sentence each.
  var conditions: [String] {
    (outgoing.map { ["sending is paused by \($0.by)"] } ?? []) + upstreams.map(Self.condition)
  }

  /// For who has just asked that mail be sent.
  var notes: [String] {
    (outgoing.map { ["sending is paused by \($0.by): mail waits for 'postern resume out'"] } ?? [])
      + upstreams.map { "\(Self.condition($0)): mail for it waits until it is back" }
  }

  /// What stands in the way of one message, for a row of a list. `reply` is asked only for those that have one.
  func why(_ view: MessageView, reply: () -> Reply?) -> String? {
    switch view.state {
    case .held:
      view.hold.map { hold in "by \(hold.by)" + (hold.reason.map { ": \($0)" } ?? "") }
    case .queued: conditions.first
    case .sending, .relayed: nil
    case .deferred, .failed: reply()?.description ?? conditions.first
    case .quarantined: "damaged on disk"
    case .dropped: "dropped"
    }
  }
}
