// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A line of the console with everything that is allowed only there: abbreviations, and `postern` in front, as hints
/// have it.
package enum ConsoleLine {
  /// The words as a script would have them.
  package static func expanded(_ words: [String]) throws(AdminError) -> [String] {
    try Abbreviation.expanded(
      words.count > 1 && words[0] == "postern" ? Array(words.dropFirst()) : words, others: ConsoleWord.names)
  }

  /// For who completes lines: without `postern` in front.
  package static func bare(_ line: String) -> String {
    guard line.hasPrefix("postern ") else { return line }
    return String(line.dropFirst("postern ".count))
  }

  /// What `?` says about a line that ends at the cursor: the command as far as it is known, then what can follow.
  package static func help(
    for line: String, candidates: [CandidateReply], width: Int, style: Style
  ) -> [String] {
    let words = TypedLine(bare(line)).words
    let spelt = (try? Abbreviation.expanded(words)) ?? words
    var lines: [String] = []
    if let command = CommandTable.visible.first(where: { spelt.starts(with: $0.words) }) {
      lines.append("  \(style.paint(command.usage, .strong))   \(command.summary)")
      lines += command.details.filter { $0.hasPrefix("Example") }.map { "  \($0)" }
    }
    lines += CandidateView.lines(candidates, width: width, style: style)
    return lines.isEmpty ? ["  nothing can stand here"] : lines
  }
}
