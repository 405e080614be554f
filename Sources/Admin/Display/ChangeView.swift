// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What a command did to messages, or would do.
package struct ChangeView: Sendable {
  private let now: Timestamp
  private let style: Style
  /// End of the hold that was asked for; nil if it has none.
  private let until: Timestamp?
  private let tellsSenders: Bool
  private let erases: Bool
  /// What was typed to mean these messages, for the list of all of them.
  private let selector: String

  package init(_ invocation: Invocation, now: Timestamp, style: Style) {
    self.now = now
    self.style = style
    until = invocation.options[.duration].flatMap(TimeSpan.seconds).map {
      Timestamp(milliseconds: now.milliseconds + Int64($0) * 1000)
    }
    tellsSenders = !invocation.has(.noDSN)
    erases = invocation.has(.now)
    selector = invocation.words.map(TypedLine.quoted).joined(separator: " ")
  }

  package func lines(_ change: ChangeReply) -> [String] {
    guard change.matched > 0 else { return ["no message matches"] }
    let undo = change.undo.map { undo in
      let until = change.keptUntil.map { " until \($0.forPeople) (\(Humane.until($0, from: now)))" } ?? ""
      return ["Undo\(until):  postern \(TerminalText.escaped(undo))"]
    }
    let notes = notes(change)
    if let preview = change.preview {
      return self.preview(change, preview) + notes + ["nothing was changed: this is a dry run"]
    }
    var line = "\(Humane.count(change.done, "message")) \(done(change.verb, count: change.done))"
    let rest = change.matched - change.done
    if rest > 0 { line += "; \(Humane.count(rest, "message")) \(left(change.verb, count: rest))" }
    return [line] + (undo ?? []) + notes
  }

  package func notes(_ change: ChangeReply) -> [String] {
    (change.notes ?? []).map { "\(style.paint("!", .warning)) \(TerminalText.escaped($0))" }
  }

  /// What is meant, before anybody agrees: `Will bounce 214 messages (31 MiB):`, then some of them.
  package func preview(_ change: ChangeReply, _ preview: ChangeReply.Preview) -> [String] {
    let what = "\(Humane.count(change.matched, "message")) (\(Humane.longSize(preview.bytes)))"
    var lines = [will(change, what) + ":"]
    let rows = preview.samples.map { sample in
      (
        TerminalText.escaped(sample.id), Humane.longSpan(seconds: sample.ageSeconds),
        TerminalText.escaped("\(QueueView.path(sample.sender)) -> \(sample.recipient)")
      )
    }
    let width = rows.map(\.1.count).max() ?? 0
    for (index, row) in rows.enumerated() {
      let label = index == 0 && change.matched > 1 ? "oldest " : "       "
      lines.append("  \(label)\(row.0)  \(row.1.padding(to: width))  \(row.2)")
    }
    let rest = change.matched - rows.count
    if rest > 0 {
      lines.append("  and \(rest) more (\(["postern queue", selector].filter { !$0.isEmpty }.joined(separator: " ")))")
    }
    return lines
  }

  private func will(_ change: ChangeReply, _ what: String) -> String {
    guard change.verb == "drop" else { return "Will \(TerminalText.escaped(change.verb)) \(what)" }
    guard !erases else { return "Will erase \(what) for good; nobody is told" }
    let kept = change.keptSeconds.map { ", kept \(Humane.longSpan(seconds: $0))" } ?? ""
    return "Will move \(what) out of the queue\(kept)"
  }

  private func done(_ verb: String, count: Int) -> String {
    switch verb {
    case "flush": return "will be tried now"
    case "hold":
      guard let until else { return "held until released: postern release state:held" }
      return "held until \(until.forPeople) (\(Humane.until(until, from: now)))"
    case "release": return "released"
    case "bounce":
      if !tellsSenders { return "bounced, nobody is told" }
      return count == 1 ? "bounced, a notification goes out" : "bounced, notifications go out"
    case "drop": return erases ? "erased" : "dropped"
    case "undrop": return "put back"
    default: return "changed"
    }
  }

  private func left(_ verb: String, count: Int) -> String {
    let were = count == 1 ? "was" : "were"
    return switch verb {
    case "flush": "had nothing deferred"
    case "hold": "\(were) not changed"
    case "release": "\(were) not held"
    case "drop" where erases: "\(were) being sent"
    case "drop": "\(were) dropped before"
    default: "could not be changed"
    }
  }
}
