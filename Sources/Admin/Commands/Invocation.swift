// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A command line, understood: which line of the table, with which words and options.
package struct Invocation: Sendable, Equatable {
  package var global: GlobalOptions
  package var command: Command
  /// What stands in the place of the table's placeholder.
  package var words: [String]
  /// With their values; empty for switches.
  package var options: [Command.Option: String] = [:]

  /// Reads the arguments of the program, without its name, or the words of a line; options among them are added to
  /// `defaults`. `--help` and `--version` are the commands `help` and `version`.
  package init(_ arguments: [String], defaults: GlobalOptions = GlobalOptions()) throws(AdminError) {
    var global = defaults
    var plain: [String] = []
    var given: [(name: String, value: String?)] = []
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
        if Self.isOption(word) { given.append(Self.split(word, &rest)) } else { plain.append(word) }
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
    if global.help {
      command = CommandTable.command(.help)
      words = found.words
      return
    }
    command = found
    words = Array(plain.dropFirst(count))
    for (name, value) in given { try take(name, value) }
    try check()
  }

  /// `-from:@x` and `-7KQ2` are terms of a selector; `--x` and `-x` are options.
  private static func isOption(_ word: String) -> Bool { word.hasPrefix("--") || word.utf8.count == 2 }

  /// `--for=2h`, or a value in a word of its own where the name wants one.
  private static func split(_ word: String, _ rest: inout ArraySlice<String>) -> (name: String, value: String?) {
    if word.hasPrefix("--"), let sign = word.firstIndex(of: "=") {
      return (String(word[..<sign]), String(word[word.index(after: sign)...]))
    }
    return (word, Command.Option(rawValue: word)?.value == nil ? nil : rest.popFirst())
  }

  private mutating func take(_ name: String, _ value: String?) throws(AdminError) {
    guard let option = command.options.first(where: { $0.rawValue == name }) else {
      let names = command.options.map(\.rawValue) + GlobalOptions.names
      let suggestion = NearestName.of(name, among: names).map { ". Did you mean '\($0)'?" } ?? ""
      throw .usage(
        "unknown_option", "\(command.name.rawValue) has no option '\(TerminalText.escaped(name))'\(suggestion)",
        hint: "postern help \(command.name.rawValue)")
    }
    if let other = options.keys.first(where: { $0.excludes(option) }) {
      throw .usage("exclusive_options", "\(other.rawValue) and \(option.rawValue) exclude each other")
    }
    if let wanted = option.value {
      guard let value else { throw .usage("missing_value", "\(name) needs a value: \(name) \(wanted)") }
      try option.check(value)
    } else if value != nil {
      throw .usage("surplus_value", "\(name) takes no value")
    }
    options[option] = value ?? ""
  }

  private func check() throws(AdminError) {
    switch command.takes {
    case .any(.selector):
      try command.checkTarget(select: words.joined(separator: " "), all: has(.all))
    case .any:
      return
    case .one:
      guard let first = words.first else { throw command.missingArgument }
      if first.hasPrefix("-") { throw surplus(first) }
      if words.count > 1 { throw surplus(words[1]) }
    case .two:
      guard words.count > 1 else { throw command.missingArgument }
      if words.count > 2 { throw surplus(words[2]) }
    case .optional:
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

  package func has(_ option: Command.Option) -> Bool { options[option] != nil }

  /// What the daemon is asked, for commands that it runs.
  package func request(id: Int) -> AdminRequest {
    var arguments = AdminRequest.Arguments()
    switch command.takes {
    case .any(.selector) where !words.isEmpty: arguments.select = words.joined(separator: " ")
    case .one(.id): arguments.message = words[0]
    case .one: arguments.name = words[0]
    default: break
    }
    if has(.all) { arguments.all = true }
    if has(.dryRun) { arguments.dryRun = true }
    if has(.noDSN) { arguments.noDSN = true }
    if has(.now) { arguments.isNow = true }
    arguments.reason = options[.reason]
    arguments.seconds = options[.duration].flatMap(TimeSpan.seconds)
    arguments.from = options[.from]
    arguments.to = options[.to]
    arguments.user = options[.user]
    arguments.client = options[.client]
    arguments.size = options[.size]
    arguments.limit = options[.limit].flatMap { Int($0) }
    return AdminRequest(id: id, command: command, args: arguments)
  }
}
