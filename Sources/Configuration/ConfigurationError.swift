// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// One thing that is wrong with what the admin wrote, and where.
///
/// All its text is safe for a terminal and a log line, and no line that names a password is shown with its value.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// As the admin named it.
  package let file: String
  /// From 1; nil where the whole file is meant.
  package let line: Int?
  package let column: Int?
  /// What was seen and what is accepted; one line, lower case.
  package let message: String
  /// What to do about it.
  package let hint: String?
  private let excerpt: Excerpt?
  private let order: Int

  private struct Excerpt: Sendable, Equatable {
    var text: String
    /// Characters before the carets, and carets.
    var indent: Int
    var carets: Int
  }

  /// An error at a place of a file, which shows the line.
  init(at range: SourceRange, of source: SourceFile, message: String, hint: String? = nil) {
    file = terminalSafe(source.path)
    line = range.line
    column = range.column
    self.message = terminalSafe(message)
    self.hint = hint.map(terminalSafe)
    order = source.order
    let text = withoutSecret(source.line(range.line))
    let end = min(max(range.lastColumn(in: source), range.column + 1), text.count + 1)
    let indent = min(range.column - 1, text.count)
    excerpt = Self.window(text, indent: indent, carets: max(1, end - 1 - indent))
  }

  /// An error about a file, or about a line that is better not shown.
  init(file: String, order: Int = 0, line: Int? = nil, message: String, hint: String? = nil) {
    self.file = terminalSafe(file)
    self.line = line
    column = nil
    self.message = terminalSafe(message)
    self.hint = hint.map(terminalSafe)
    self.order = order
    excerpt = nil
  }

  /// `file:line:column: error: …`, the line with carets, the hint.
  package var description: String {
    let first = "\(place): error: \(message)"
    guard let excerpt, let line else {
      return hint.map { "\(first)\n    | \($0)" } ?? first
    }
    let gutter = String(repeating: " ", count: "\(line)".count)
    let marks = String(repeating: " ", count: excerpt.indent) + String(repeating: "^", count: excerpt.carets)
    return """
      \(first)
        \(line) | \(excerpt.text)
        \(gutter) | \(marks)\(hint.map { " \($0)" } ?? "")
      """
  }

  /// The same in one line, for a log or a reply.
  package var summary: String {
    "\(place): \(message)" + (hint.map { "; \($0)" } ?? "")
  }

  private var place: String {
    ([file] + [line, column].compactMap { $0.map(String.init) }).joined(separator: ":")
  }

  /// A long line is cut around its carets.
  private static func window(_ text: [Character], indent: Int, carets: Int) -> Excerpt {
    let max = ConfigurationLimits.excerptCharactersMax
    let start = text.count > max && indent > max / 2 ? indent - max / 2 : 0
    var shown = text[start...].prefix(max)
    if start > 0 { shown[start] = "…" }
    if shown.endIndex < text.count { shown[shown.endIndex - 1] = "…" }
    let indent = indent - start
    return Excerpt(text: String(shown), indent: indent, carets: min(carets, Swift.max(1, shown.count - indent)))
  }
}

extension ConfigurationError: Comparable {
  /// The order of the files, and in each from top to bottom; what concerns a whole file comes behind its lines.
  package static func < (one: Self, other: Self) -> Bool {
    (one.order, one.line ?? .max, one.column ?? 0, one.message)
      < (other.order, other.line ?? .max, other.column ?? 0, other.message)
  }
}

/// Everything that is wrong with a configuration, in the order of the files.
package struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
  /// Never empty.
  package let errors: [ConfigurationError]

  init(_ errors: [ConfigurationError]) {
    self.errors = errors.sorted()
  }

  package var description: String {
    errors.map(\.description).joined(separator: "\n")
  }

  /// All in one line, for a log.
  package var summary: String {
    errors.map(\.summary).joined(separator: "; ")
  }

  /// "1 error", "3 errors"; what is beyond a hundred is not told.
  package var tally: String {
    switch errors.count {
    case 1: "1 error"
    case ConfigurationLimits.errorsMax...: "\(errors.count) errors or more"
    default: "\(errors.count) errors"
    }
  }
}
