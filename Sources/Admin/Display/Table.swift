// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Aligned columns for a list of any length. Rows are measured in blocks, so a long list prints while it arrives; later
/// blocks may widen a column, never narrow it.
package struct Table: Sendable {
  private let headings: [String]
  private let style: Style
  private var widths: [Int]
  private var rows: [[String]] = []
  private var hasHeading = false

  package static let rowsPerBlock = 200
  /// Where cells are cut, a column gives up what is over this, so that the others stay in sight.
  package static let cellCharactersMax = 40

  package init(_ headings: [String], style: Style) {
    self.headings = headings
    self.style = style
    widths = headings.map(\.count)
  }

  /// Takes a row of raw text; returns the lines that are ready to print.
  package mutating func add(_ cells: [String]) -> [String] {
    precondition(cells.count == headings.count, "a row has a cell for each heading")
    rows.append(cells.map { fitted(TerminalText.escaped($0)) })
    return rows.count == Self.rowsPerBlock ? finish() : []
  }

  /// What is left; nothing at all if there never was a row.
  package mutating func finish() -> [String] {
    guard !rows.isEmpty else { return [] }
    for row in rows {
      for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
    }
    var lines = rows.map { aligned($0) }
    if !hasHeading {
      lines.insert(style.paint(aligned(headings), .strong), at: 0)
      hasHeading = true
    }
    rows = []
    return lines
  }

  private func aligned(_ cells: [String]) -> String {
    var line = ""
    for (column, cell) in cells.enumerated() {
      line += cell
      if column < cells.count - 1 { line += String(repeating: " ", count: widths[column] - cell.count + 2) }
    }
    return line
  }

  /// Cut in the middle: of an address both ends say something, of "a@x +3" the end.
  private func fitted(_ cell: String) -> String {
    guard style.cutsLongCells, cell.count > Self.cellCharactersMax else { return cell }
    let end = Self.cellCharactersMax / 2
    return cell.prefix(Self.cellCharactersMax - end - 1) + style.ellipsis + cell.suffix(end)
  }
}
