// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Spells out what was typed short, as `q` for `queue`. For the console alone: a new command must not change what a
/// script means.
package enum Abbreviation {
  /// The words of a line with those of the command spelt out; words that begin no command stay for the parser to refuse.
  /// `others` are words that the console knows besides; a command goes before them.
  package static func expanded(_ words: [String], others: [String] = []) throws(AdminError) -> [String] {
    var words = words
    let places = words.indices.filter { !words[$0].hasPrefix("-") }
    guard let first = places.first else { return words }
    let names = CommandTable.visible.map(\.words)
    var verb = others.contains(words[first]) ? words[first] : nil
    if verb == nil { verb = try spelt(words[first], among: names.map { $0[0] }, before: "") }
    if verb == nil { verb = try spelt(words[first], among: others, before: "") }
    guard let verb else { return words }
    words[first] = verb
    let seconds = names.filter { $0.count > 1 && $0[0] == verb }.map { $0[1] }
    if !seconds.isEmpty, places.count > 1 {
      let second = places[1]
      words[second] = try spelt(words[second], among: seconds, before: verb + " ") ?? words[second]
    }
    return words
  }

  /// nil if it begins none of them.
  private static func spelt(_ word: String, among names: [String], before: String) throws(AdminError) -> String? {
    if names.contains(word) { return word }
    var matches: [String] = []
    for name in names where name.hasPrefix(word) && !word.isEmpty && !matches.contains(name) { matches.append(name) }
    guard matches.count > 1 else { return matches.first }
    throw .usage(
      "ambiguous_command",
      "'\(before)\(TerminalText.escaped(word))' can mean \(matches.map { "'\(before)\($0)'" }.joined(separator: ", "))")
  }
}
