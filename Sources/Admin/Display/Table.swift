// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Aligned columns for a list of any length. Rows are measured in blocks, so a long list prints while it arrives; later
/// blocks may widen a column, and narrow it only where the screen has no room for both.
package struct Table: Sendable {
  private let headings: [String]
  private let style: Style
  private var widths: [Int]
  private var rows: [[String]] = []
  private var hasHeading = false

  package static let rowsPerBlock = 200
  /// Where the width of the screen is not known, a column gives up what is over this.
  package static let cellCharactersMax = 40
  /// A column that has less says nothing any more: then lines wrap.
  private static let cellCharactersMin = 6
  private static let gap = 2

  package init(_ headings: [String], style: Style) {
    self.headings = headings
    self.style = style
    widths = headings.map(\.count)
  }

  /// Takes a row of raw text; returns the lines that are ready to print.
  package mutating func add(_ cells: [String]) -> [String] {
    precondition(cells.count == headings.count, "a row has a cell for each heading")
    rows.append(cells.map { TerminalText.escaped($0) })
    return rows.count == Self.rowsPerBlock ? finish() : []
  }

  /// What is left; nothing at all if there never was a row.
  package mutating func finish() -> [String] {
    guard !rows.isEmpty else { return [] }
    for row in rows {
      for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
    }
    fit()
    var lines = rows.map { aligned($0) }
    if !hasHeading {
      lines.insert(style.paint(aligned(headings), .strong), at: 0)
      hasHeading = true
    }
    rows = []
    return lines
  }

  /// Takes from the widest column until all of them fit beside each other; never from the first, which names the row.
  private mutating func fit() {
    guard style.cutsLongCells else { return }
    guard let width = style.width else {
      widths = widths.map { min($0, Self.cellCharactersMax) }
      return
    }
    var surplus = widths.reduce(0, +) + Self.gap * (widths.count - 1) - width
    while surplus > 0, let widest = widths.indices.dropFirst().max(by: { widths[$0] < widths[$1] }),
      widths[widest] > Self.cellCharactersMin
    {
      widths[widest] -= 1
      surplus -= 1
    }
  }

  private func aligned(_ cells: [String]) -> String {
    var line = ""
    for (column, cell) in cells.enumerated() {
      let isLast = column == cells.count - 1
      let cell = fitted(cell, to: widths[column], isSentence: isLast)
      line += isLast ? cell : cell.padding(to: widths[column] + Self.gap)
    }
    return line
  }

  /// Cut in the middle: of an address both ends say something, of "a@x +3" the end. The last column may be a sentence,
  /// which says most at its beginning.
  private func fitted(_ cell: String, to width: Int, isSentence: Bool) -> String {
    guard style.cutsLongCells, cell.count > width else { return cell }
    if isSentence { return cell.cut(to: width, style: style) }
    let end = width / 2
    return cell.prefix(width - end - 1) + style.ellipsis + cell.suffix(end)
  }
}

extension String {
  func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

  func cut(to width: Int, style: Style) -> String {
    count <= width ? self : prefix(max(1, width - 1)) + style.ellipsis
  }
}
