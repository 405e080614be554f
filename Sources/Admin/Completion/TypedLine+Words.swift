// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension TypedLine {
  /// The words of a line that is complete: of a script, of `-c`, or of the console after Enter.
  package static func split(_ line: String) throws(AdminError) -> [String] {
    let line = TypedLine(line)
    guard !line.isQuoteOpen else { throw .usage("open_quote", "a quote or a backslash at the end is not closed") }
    return line.allWords
  }

  /// The word as it has to be typed to be one word.
  package static func quoted(_ word: String) -> String {
    let special = Set(" \t'\"\\#?".utf8)
    guard word.isEmpty || word.utf8.contains(where: special.contains) else { return word }
    guard word.utf8.contains(UInt8(ascii: "'")) else { return "'\(word)'" }
    return "\"" + word.reduce(into: "") { $0 += ["\"", "\\"].contains($1) ? "\\\($1)" : "\($1)" } + "\""
  }
}
