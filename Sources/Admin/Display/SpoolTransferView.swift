// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What `spool repair` and `spool adopt` did, and what is to be done next.
package enum SpoolTransferView {
  package static func lines(_ transfer: SpoolTransferReply, isAdoption: Bool, style: Style) -> [String] {
    let (from, into) = (TerminalText.escaped(transfer.from), TerminalText.escaped(transfer.into))
    let host = transfer.host.map { $0.isEmpty ? "" : " (of \(TerminalText.escaped($0)))" } ?? ""
    let before = transfer.earlier == 0 ? "" : ", \(transfer.earlier) taken over before"
    let verb = isAdoption ? "adopted" : "repaired"
    var lines = ["\(into): \(Humane.count(transfer.messages, "message")) \(verb) from \(from)\(host)\(before)"]
    lines += transfer.damages.map { "  \(style.paint("damage", .bad)) \(TerminalText.escaped($0))" }
    lines += transfer.renamed.map {
      "  \(style.paint("!", .warning)) \($0.old) is \($0.new) here: there was another message of that id"
    }
    lines += (transfer.quotas.map { [$0] } ?? []).map { "  \(style.paint("!", .warning)) \(TerminalText.escaped($0))" }
    lines += transfer.lost.map {
      "  \(style.paint("lost", .bad)) \($0): it cannot be read whole, and is in \(from) only"
    }
    lines += transfer.doubtful.map {
      "  \(style.paint("lost?", .bad)) \($0): a damaged record names it, which was a message or the end of one"
    }
    if isAdoption {
      lines.append("Never start a posternd on \(from) again: its mail would be sent twice")
    } else {
      lines.append("Keep \(from); put \(into) in its place, or name it as [queue] directory")
    }
    return lines
  }
}
