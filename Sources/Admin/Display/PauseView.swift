// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Says what is stopped by hand, and since when, by whom, until when.
package enum PauseView {
  package static func lines(_ reply: PauseReply, now: Timestamp, style: Style) -> [String] {
    let what = reply.verb == "pause" ? paused(reply, now: now) : resumed(reply)
    return [what] + reply.notes.map { "\(style.paint("!", .warning)) \(TerminalText.escaped($0))" }
  }

  /// `sending through office is paused since 14:02:11Z by alice, until …: moving to the new contract`.
  static func sentence(_ pause: Pause, now: Timestamp) -> String {
    let end = pause.until.map { "until \($0.forPeople) (\(Humane.until($0, from: now)))" } ?? "until it is resumed"
    let text =
      "\(subject(pause.side, pause.name)) paused since \(pause.since.forPeople) by \(pause.by), \(end)"
      + (pause.reason.map { ": \($0)" } ?? "")
    return TerminalText.escaped(text)
  }

  /// As `pause` and `resume` take it.
  static func target(_ pause: Pause) -> String {
    ([pause.side] + [pause.name].compactMap { $0 }).joined(separator: " ")
  }

  private static func paused(_ reply: PauseReply, now: Timestamp) -> String {
    guard let pause = reply.pause else { return "\(TerminalText.escaped(subject(reply.side, reply.name))) paused" }
    let back = "back: postern resume \(TerminalText.escaped(target(pause)))"
    return sentence(pause, now: now) + (reply.changed ? "" : " (it was paused before)") + "; " + back
  }

  private static func resumed(_ reply: PauseReply) -> String {
    guard reply.changed else { return "\(TerminalText.escaped(subject(reply.side, reply.name))) not paused by hand" }
    switch reply.side {
    case "in": return "clients are accepted again"
    case "out": return "mail is sent again"
    default: return "mail is sent through \(TerminalText.escaped(reply.name ?? "")) again"
    }
  }

  private static func subject(_ side: String, _ name: String?) -> String {
    switch side {
    case "in": "clients are refused (421):"
    case "out": "sending is"
    default: "sending through \(name ?? "") is"
    }
  }
}
