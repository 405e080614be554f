// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the place that we print to can show. Decided once, by the program; the views only ask.
package struct Style: Sendable, Equatable {
  package var color: Bool
  /// True where lines should not grow beyond what a screen shows.
  package var cutsLongCells: Bool
  /// Characters of a line; nil where nobody knows.
  package var width: Int?
  /// True where `●` and `→` arrive as such.
  package var symbols: Bool

  package init(color: Bool, cutsLongCells: Bool, symbols: Bool, width: Int? = nil) {
    self.color = color
    self.cutsLongCells = cutsLongCells
    self.symbols = symbols
    self.width = width
  }

  /// Aligned text without colour: what a pipe gets.
  package static let plain = Style(color: false, cutsLongCells: false, symbols: false)

  package enum Tone: String, Sendable {
    case good = "32"
    case warning = "33"
    case bad = "31"
    case strong = "1"
  }

  package func paint(_ text: String, _ tone: Tone) -> String {
    color ? "\u{1B}[\(tone.rawValue)m\(text)\u{1B}[0m" : text
  }

  package var dot: String { symbols ? "●" : "*" }
  package var circle: String { symbols ? "○" : "o" }
  package var arrow: String { symbols ? "→" : "->" }
  package var ellipsis: String { symbols ? "…" : "~" }
}
