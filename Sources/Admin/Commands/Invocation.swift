// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A command line, understood: which line of the table, with which words and options.
package struct Invocation: Sendable, Equatable {
  package var global: GlobalOptions
  package var command: Command
  /// What stands in the place of the table's placeholder.
  package var words: [String]
  package var option: Command.Option?

  /// Reads the arguments of the program, without its name. `--help` and `--version` are the commands `help` and `version`.
  package init(_ arguments: [String]) throws(AdminError) {
    var global = GlobalOptions()
    var plain: [String] = []
    var dashed: [String] = []
    var rest = arguments[...]
    while let word = rest.popFirst() {
      if word == "--" {
        plain += rest
        break
      }
      if !word.hasPrefix("-") || word == "-" {
        plain.append(word)
      } else if try !global.take(word, rest: &rest) {
        // An option of the command, or a negated term; which, the command says.
        Self.isOption(word) ? dashed.append(word) : plain.append(word)
      }
    }
    self.global = global

    if global.version || plain.isEmpty && global.help {
      command = CommandTable.command(global.version ? .version : .help)
      words = []
      return
    }
    guard !plain.isEmpty else { throw .usage("no_command", "no command given", hint: "postern help") }
    let (found, count) = try CommandTable.find(plain)
    let values = Array(plain.dropFirst(count))
    if global.help {
      command = CommandTable.command(.help)
      words = found.words
      return
    }
    command = found
    words = values
    option = try Self.option(dashed, of: found)
    try check()
  }

  /// `-from:@x` and `-7KQ2` are terms of a selector; `--x` and `-x` are options.
  private static func isOption(_ word: String) -> Bool { word.hasPrefix("--") || word.utf8.count == 2 }

  private static func option(_ given: [String], of command: Command) throws(AdminError) -> Command.Option? {
    var chosen: Command.Option?
    for word in given {
      guard let option = command.options.first(where: { $0.rawValue == word }) else {
        let names = command.options.map(\.rawValue) + GlobalOptions.names
        let suggestion = NearestName.of(word, among: names).map { ". Did you mean '\($0)'?" } ?? ""
        throw .usage(
          "unknown_option", "\(command.name.rawValue) has no option '\(TerminalText.escaped(word))'\(suggestion)",
          hint: "postern help \(command.name.rawValue)")
      }
      if let chosen, chosen != option {
        throw .usage("exclusive_options", "\(chosen.rawValue) and \(option.rawValue) exclude each other")
      }
      chosen = option
    }
    return chosen
  }

  private func check() throws(AdminError) {
    switch command.takes {
    case .any(.selector):
      try command.checkTarget(select: words.joined(separator: " "), all: option == .all)
    case .any:
      return
    case .one:
      guard let first = words.first else { throw command.missingArgument }
      if first.hasPrefix("-") { throw surplus(first) }
      if words.count > 1 { throw surplus(words[1]) }
    case .nothing:
      if let first = words.first { throw surplus(first) }
    }
  }

  private func surplus(_ word: String) -> AdminError {
    .usage(
      "surplus_argument", "\(command.name.rawValue) takes no '\(TerminalText.escaped(word))'",
      context: ["usage: postern \(command.usage)"], hint: "postern help \(command.name.rawValue)")
  }

  /// What the daemon is asked, for commands that it runs.
  package func request(id: Int) -> AdminRequest {
    var arguments = AdminRequest.Arguments()
    switch command.takes {
    case .any(.selector) where !words.isEmpty: arguments.select = words.joined(separator: " ")
    case .one(.id): arguments.message = words[0]
    default: break
    }
    if option == .all { arguments.all = true }
    return AdminRequest(id: id, command: command, args: arguments)
  }
}
