// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What was typed in the console, oldest first, each line once. Where it is kept is the program's to say.
package struct CommandHistory: Sendable, Equatable {
  package static let linesMax = 1000
  private static let lineOctetsMax = 4096

  package private(set) var lines: [String] = []

  package init() {}

  /// As `text` wrote it, or a person with an editor.
  package init(text: String) {
    for line in text.split(separator: "\n") { add(String(line)) }
  }

  /// The line becomes the newest, wherever it stood before.
  package mutating func add(_ line: String) {
    guard Self.keeps(line) else { return }
    lines.removeAll { $0 == line }
    lines.append(line)
    if lines.count > Self.linesMax { lines.removeFirst(lines.count - Self.linesMax) }
  }

  package var text: String { lines.map { $0 + "\n" }.joined() }

  /// A space in front keeps a line out, as in the shells. So does what is no command nor a slip of one, and anything behind
  /// `users` or `creds` that their commands do not take: it may be a password that somebody thought belonged there.
  package static func keeps(_ line: String) -> Bool {
    guard let first = line.utf8.first, first != UInt8(ascii: " "), line.utf8.count <= lineOctetsMax,
      line.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    else { return false }
    let words = TypedLine(ConsoleLine.bare(line)).allWords
    let typed = words.first ?? ""
    let known = (try? Abbreviation.expanded([typed], others: ConsoleWord.names))?.first
    let verbs = Set(CommandTable.visible.map { $0.words[0] }).union(ConsoleWord.names)
    guard let known, verbs.contains(known) else {
      guard let meant = NearestName.of(typed, among: verbs.sorted()) else { return false }
      return !Self.secretVerbs.contains(meant)
    }
    guard Self.secretVerbs.contains(known) else { return true }
    return (try? Invocation(try ConsoleLine.expanded(try TypedLine.split(line)))) != nil
  }

  private static let secretVerbs = ["users", "creds"]
}
