// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Every command, one line each. The shell's parser, the help text, the daemon's greeting and its dispatch all read this
/// table; a command that is not here does not exist.
package enum CommandTable {
  package static let commands: [Command] = [
    Command(
      .status, level: .view, "health, upstreams, queue and what to do next, on one screen",
      details: ["Exit 0 if all is well, 1 if degraded, 69 if posternd is not running; with -q only that."]),
    Command(
      .queue, takes: .any(.selector), level: .view, "list waiting messages",
      details: ["Without a selector: all of them, oldest first.", "Example: postern queue to:@example.org age:>1h"]),
    Command(
      .show, takes: .one(.id), level: .view, "everything known about one message",
      details: ["With the last reply for each recipient. Four characters of the id are enough if no other begins so."]),
    Command(
      .flush, takes: .any(.selector), options: [.all], level: .operate, changes: true, "try deferred messages now",
      details: ["A paused upstream stays paused; the answer says so.", "Example: postern flush user:scanner"]),
    Command(
      .reload, level: .admin, changes: true, "read configuration, users, certificate and credentials again",
      details: ["All or nothing: if anything is wrong, what ran before goes on, and the exit code is 78."]),
    Command(
      .usersAdd, takes: .one(.name), options: [.ask, .passwordStdin], level: .admin, place: .client, changes: true,
      "give a person or a device a login",
      details: [
        "Makes a password and shows it once, unless one of the options says where it comes from.",
        "If NAME exists, its password is replaced and the answer says so (exit 0); a disabled user stays disabled.",
        "Written to the file named by [access] users_file; a running posternd takes it over at once.",
        "With -q a password that was made is the only output: PW=$(postern -q users add scanner)",
      ]),
    Command(.help, takes: .any(.command), level: .view, place: .client, "this list, or one command in full"),
    Command(.version, level: .view, place: .client, "version of this program"),
  ]

  package static func command(_ name: Command.Name) -> Command {
    // The table has a line for each name; a test holds it to that.
    commands.first { $0.name == name }!
  }

  /// Finds the command at the beginning of `words`, and how many of them are its name. No abbreviations: a new verb must
  /// not change what a script means.
  package static func find(_ words: [String]) throws(AdminError) -> (command: Command, count: Int) {
    for command in commands where words.starts(with: command.words) { return (command, command.words.count) }
    let nouns = commands.filter { $0.words.count > 1 && $0.words[0] == words.first }
    if words.count == 1, !nouns.isEmpty {
      let verbs = nouns.map { $0.words[1] }.joined(separator: ", ")
      throw .usage("missing_verb", "'\(words[0])' needs one of: \(verbs)", hint: "postern \(nouns[0].usage)")
    }
    let tried = words.prefix(nouns.isEmpty ? 1 : 2).joined(separator: " ")
    throw unknown(tried, words: words, among: commands.map(\.name.rawValue))
  }

  /// Names the nearest of `names`. With `words`, a name of two words may also be near to the first two.
  package static func unknown(_ typed: String, words: [String] = [], among names: [String]) -> AdminError {
    let nearest =
      NearestName.of(typed, among: names) ?? NearestName.of(words.prefix(2).joined(separator: " "), among: names)
    let suggestion = nearest.map { ". Did you mean '\($0)'?" } ?? ""
    return .usage(
      "unknown_command", "unknown command '\(TerminalText.escaped(typed))'\(suggestion)", hint: "postern help")
  }
}
