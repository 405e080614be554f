// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Shows what could stand at the end of a line: a row each with what it means, or columns where there is nothing to say.
package enum CandidateView {
  /// More would push the line that is being typed, and what led to it, out of sight.
  package static let rowsMax = 24

  package static func lines(_ candidates: [CandidateReply], width: Int, style: Style) -> [String] {
    let texts = candidates.map { TerminalText.escaped($0.text) }
    let lines =
      candidates.allSatisfy { $0.summary.isEmpty }
      ? grid(texts, width: width) : rows(candidates, texts: texts, width: width, style: style)
    return lines
  }

  private static func rows(
    _ candidates: [CandidateReply], texts: [String], width: Int, style: Style
  ) -> [String] {
    let shown = min(texts.count, rowsMax)
    let column = min(texts[..<shown].map(\.count).max() ?? 0, max(12, width / 2))
    var lines = (0..<shown).map { index in
      let text = texts[index].padding(to: column)
      return "  \(text)  \(TerminalText.escaped(candidates[index].summary))".cut(to: width, style: style)
    }
    if texts.count > shown { lines.append("  and \(texts.count - shown) more") }
    return lines.map { $0.trimmedEnd }
  }

  /// Read from top to bottom, column by column, as ls(1) does.
  private static func grid(_ texts: [String], width: Int) -> [String] {
    let column = (texts.map(\.count).max() ?? 0) + 2
    let columns = max(1, (width - 2) / column)
    let shown = min(texts.count, rowsMax * columns)
    let rows = (shown + columns - 1) / columns
    var lines = (0..<rows).map { row in
      "  " + stride(from: row, to: shown, by: rows).map { texts[$0].padding(to: column) }.joined()
    }
    if texts.count > shown { lines.append("  and \(texts.count - shown) more") }
    return lines.map { $0.trimmedEnd }
  }
}

extension String {
  fileprivate var trimmedEnd: String {
    guard let last = lastIndex(where: { $0 != " " }) else { return "" }
    return String(self[...last])
  }
}
