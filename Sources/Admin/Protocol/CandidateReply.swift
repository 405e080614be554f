// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Something that can stand at the end of a line. A console puts it there for Tab, and lists them for `?`.
package struct CandidateReply: Sendable, Equatable, Codable {
  /// In the place of the last word, or of its part that was typed.
  package var text: String
  /// What it means, in a few words; empty if there is nothing to say.
  package var summary: String
  /// False: more belongs to the same word, as behind `to:`.
  package var isWhole: Bool

  package init(text: String, summary: String, isWhole: Bool = true) {
    self.text = text
    self.summary = summary
    self.isWhole = isWhole
  }

  private enum CodingKeys: String, CodingKey {
    case text, summary
    case isWhole = "whole"
  }
}
