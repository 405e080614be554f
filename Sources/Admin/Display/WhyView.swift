// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The answer of `why`: sentences that the daemon made, then what happens next and what to type.
package enum WhyView {
  package static func lines(_ why: WhyReply, now: Timestamp, style: Style) -> [String] {
    let escaped = TerminalText.escaped
    var lines = [style.paint(escaped(why.headline), .strong)]
    lines += why.reasons.enumerated().map { "  \($0 + 1). \(escaped($1))" }
    // What a sentence has said already is not said again.
    func isNew(_ text: String) -> Bool { !why.reasons.contains { $0.contains(text) } }
    if let reply = why.reply, isNew(reply) { lines.append("  last reply    " + escaped(reply)) }
    if let next = why.next, isNew(next.forPeople) {
      lines.append("  next attempt  \(next.forPeople)   \(Humane.until(next, from: now))")
    }
    if let expires = why.expires, isNew(expires.forPeople) {
      lines.append("  gives up      \(expires.forPeople)   \(Humane.until(expires, from: now))")
    }
    if let stanza = why.stanza {
      let place = stanza.replaces.map { ", in the place of the [[client]] \"\($0)\"" } ?? ""
      lines.append("  to let it in, write into \(escaped(stanza.file + place)):")
      lines += stanza.text.split(separator: "\n").map { "      " + escaped(String($0)) }
    }
    let width = why.actions.map(\.command.count).max() ?? 0
    lines += why.actions.map { action in
      "  \(style.arrow) \(escaped(action.command).padding(to: width))   \(escaped(action.label))"
    }
    return lines
  }
}
