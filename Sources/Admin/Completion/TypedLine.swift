// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A line as it is typed at the prompt, up to the cursor, or as it stands in a script, cut into words: blanks separate
/// them, quotes and backslashes keep them together as in a shell, `#` at the beginning of a word makes the rest a
/// comment, and nothing else is special.
package struct TypedLine: Sendable, Equatable {
  /// Those that a blank has ended, without their quotes.
  package private(set) var words: [String] = []
  /// What stands behind the last blank that separates, as typed: the word with the cursor at its end.
  package private(set) var open = ""
  /// A quote or a backslash waits for what belongs to it.
  package private(set) var isQuoteOpen = false
  /// The cursor stands in a comment.
  package private(set) var isComment = false
  /// The open word without its quotes; nil behind a blank.
  private var value: String?

  package init(_ line: String) {
    var quote: Unicode.Scalar?
    var isEscaped = false
    for scalar in line.unicodeScalars {
      if isEscaped {
        isEscaped = false
        take(scalar, typed: scalar)
      } else if let end = quote {
        switch scalar {
        case end:
          quote = nil
          take(nil, typed: scalar)
        case "\\" where end == "\"":
          isEscaped = true
          take(nil, typed: scalar)
        default: take(scalar, typed: scalar)
        }
      } else {
        switch scalar {
        case " ", "\t": endWord()
        case "#" where value == nil:
          isComment = true
          return
        case "'", "\"":
          quote = scalar
          take(nil, typed: scalar)
        case "\\":
          isEscaped = true
          take(nil, typed: scalar)
        default: take(scalar, typed: scalar)
        }
      }
    }
    isQuoteOpen = quote != nil || isEscaped
  }

  /// The whole line, its last word too.
  package var allWords: [String] { words + (value.map { [$0] } ?? []) }

  private mutating func take(_ scalar: Unicode.Scalar?, typed: Unicode.Scalar) {
    open.unicodeScalars.append(typed)
    if value == nil { value = "" }
    if let scalar { value!.unicodeScalars.append(scalar) }
  }

  private mutating func endWord() {
    if let value { words.append(value) }
    value = nil
    open = ""
  }
}
