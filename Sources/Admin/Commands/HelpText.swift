// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Help, made from the command table alone, so that it cannot differ from what the parser takes.
package enum HelpText {
  /// All commands, a line each.
  package static func overview() -> String {
    let commands = CommandTable.visible.map { ($0.synopsis, $0.summary) }
    return """
      usage: postern [OPTIONS] COMMAND [ARGUMENTS]
             postern                               console on a terminal; else lines from standard input
             postern -c LINE [-c LINE] | -f FILE   lines from here

      commands
      \(columns(commands))

      options
      \(columns(GlobalOptions.help))

      One command in full: postern help COMMAND

      """
  }

  package static func command(_ command: Command) -> String {
    var sections = ["usage: postern \(command.usage)", command.summary.capitalizedFirst + "."]
    if !command.details.isEmpty { sections.append(command.details.joined(separator: "\n")) }
    if !command.options.isEmpty {
      sections.append("options\n" + columns(command.options.map { ($0.usage, $0.summary) }))
    }
    if command.takes == .any(.selector) { sections.append(selectors) }
    sections.append("exit codes\n" + columns(ExitCode.allCases.map { (String($0.rawValue), $0.meaning) }))
    return sections.joined(separator: "\n\n") + "\n"
  }

  /// For `help WORDS`.
  package static func text(for words: [String]) throws(AdminError) -> String {
    if words.isEmpty { return overview() }
    let (command, count) = try CommandTable.find(words)
    guard count == words.count else {
      throw CommandTable.unknown(words.joined(separator: " "), among: CommandTable.visible.map(\.name.rawValue))
    }
    return self.command(command)
  }

  private static let selectors = """
    selectors (all terms must match; commas inside a term mean or; -term means not)
    \(columns([
      ("7KQ2, id:7KQ2", "id, or four or more characters of its beginning"),
      ("from:, to:", "sender, recipient: address, @domain, or pattern with *; from:<> is the null path"),
      ("user:, client:", "login; address, network (10.0.0.0/8) or name of the client"),
      ("upstream:", "where it waits to go"),
      ("state:", "queued, sending, deferred, held, failed, relayed, quarantined (damaged on disk)"),
      ("", "with 'queue' and 'log' also of finished mail: sent, failed, expired, dropped"),
      ("tries:>3", "attempts so far; also <, >=, <=, or a number alone"),
      ("age:>2h, next:<10m", "time since it came, time to the next attempt: s, m, h, d"),
      ("size:>5M", "content: K, M, G"),
      ("reason:quota", "text in the last reply or in the reason of a hold; * for anything"),
      ("code:550, code:5.7.1", "code of the last reply; also 4.*"),
    ]))
    """

  private static func columns(_ rows: [(String, String)]) -> String {
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { left, right in
      "  " + left + String(repeating: " ", count: width - left.count + 2) + right
    }.joined(separator: "\n")
  }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
