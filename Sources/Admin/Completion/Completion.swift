// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What can stand at the end of a line, as far as the command table tells; and what only the daemon knows, by kind.
///
/// The daemon answers `complete` with it and adds its own part; a console without a daemon shows it as it is. Abbreviated
/// commands are understood as the console understands them. It looks nothing up.
package struct Completion: Sendable, Equatable {
  /// What a line may name that is in no table.
  package enum Kind: String, Sendable, CaseIterable {
    case ids, upstreams
    /// Those of the users file.
    case users
    case senders, recipients
    /// Who has handed in mail that waits: logins, names and addresses of clients.
    case submitters
    /// Those that were here, and those of a `[[client]]`.
    case clients
    /// On the machine of the console, which looks itself.
    case directories
    /// Those that can be put back.
    case batches
  }

  /// The end of the line that a candidate takes the place of: the last word, or of a term what stands behind its colon,
  /// or behind its last comma. Candidates begin with it, ids and addresses in any case.
  package var typed: String
  package var candidates: [CandidateReply] = []
  package var wanted: Set<Kind> = []

  /// `level` is that of the connection: what it may not do is not offered.
  package static func at(line: String, level: Command.Level = .admin) -> Completion {
    let line = TypedLine(line)
    var completion = Completion(typed: line.open)
    // Inside quotes stands text, not a word of ours.
    guard !line.open.contains(where: { "'\"\\".contains($0) }) else { return completion }
    completion.complete(line.words[...], among: CommandTable.visible.filter { $0.level <= level })
    completion.candidates.removeAll { !$0.text.hasPrefix(completion.typed) }
    return completion
  }

  /// Finds the command of the whole words, and goes on with what it takes.
  private mutating func complete(_ words: ArraySlice<String>, among commands: [Command]) {
    switch Self.resolve(words, among: commands) {
    case .word(let index, let group): offerWords(index, group)
    case .arguments(let command, let rest) where command.takes == .any(.command):
      if case .word(let index, let group) = Self.resolve(rest, among: commands) { offerWords(index, group) }
    case .arguments(let command, let rest): offerArguments(of: command, given: Array(rest))
    case .unknown: break
    }
  }

  // MARK: Words of commands

  private enum Place {
    /// The next word is this one of a command of the group.
    case word(Int, [Command])
    case arguments(Command, ArraySlice<String>)
    case unknown
  }

  private static func resolve(_ words: ArraySlice<String>, among commands: [Command]) -> Place {
    var group = commands
    for (index, word) in words.enumerated() {
      let choices = group.filter { $0.words.count > index }
      let exact = choices.filter { $0.words[index] == word }
      let near = choices.filter { $0.words[index].hasPrefix(word) }
      group = exact.isEmpty ? near : exact
      guard Set(group.map { $0.words[index] }).count == 1 else { return .unknown }
      if group.count == 1, group[0].words.count == index + 1 {
        return .arguments(group[0], words.dropFirst(index + 1))
      }
    }
    return .word(words.count, group)
  }

  private mutating func offerWords(_ index: Int, _ group: [Command]) {
    var seen: Set<String> = []
    for command in group where seen.insert(command.words[index]).inserted {
      let word = command.words[index]
      let rest = group.filter { $0.words[index] == word && $0.words.count > index + 1 }.map { $0.words[index + 1] }
      candidates.append(
        CandidateReply(text: word, summary: rest.isEmpty ? command.summary : rest.joined(separator: ", ")))
    }
  }

  // MARK: What a command takes

  private mutating func offerArguments(of command: Command, given: [String]) {
    var options: [Command.Option] = []
    var words: [String] = []
    var waiting: Command.Option?
    for word in given {
      if waiting != nil {
        waiting = nil
      } else if let option = command.options.first(where: { word == $0.rawValue || word.hasPrefix($0.rawValue + "=") })
      {
        options.append(option)
        if option.value != nil, word == option.rawValue { waiting = option }
      } else {
        words.append(word)
      }
    }
    if let waiting { return candidates += waiting.values }
    if let sign = typed.firstIndex(of: "="), let option = Command.Option(rawValue: String(typed[..<sign])) {
      typed = String(typed[typed.index(after: sign)...])
      if command.options.contains(option) { candidates += option.values }
      return
    }
    let isDashed = typed.hasPrefix("-") && !typed.contains(":")
    let isNothing = typed.isEmpty
    if !options.contains(.all) { offer(command.takes, behind: words, for: command) }
    // Where something else can stand, an option waits for its dash: one name that fits is put in at a press of the key.
    guard isDashed || isNothing && candidates.isEmpty && wanted.isEmpty else { return }
    for option in command.options where !options.contains(where: { $0 == option || $0.excludes(option) }) {
      if option == .all, !words.isEmpty { continue }
      candidates.append(CandidateReply(text: option.rawValue, summary: option.summary))
    }
  }

  private mutating func offer(_ takes: Command.Takes, behind words: [String], for command: Command) {
    switch takes {
    case .any(.selector): offerTerm()
    case .one(let placeholder) where words.isEmpty, .optional(let placeholder) where words.isEmpty:
      switch placeholder {
      case .id: wanted = [.ids]
      case .subject: wanted = [.ids, .upstreams, .clients]
      case .upstream: wanted = [.upstreams]
      // A name that exists is no name for a new user.
      case .user: wanted = command.name == .usersAdd ? [] : [.users]
      case .directory, .newDirectory: wanted = [.directories]
      case .batch: wanted = [.batches]
      case .selector, .command: break
      }
    case .two(.directory, _) where words.count < 2: wanted = [.directories]
    case .nothing, .one, .two, .optional, .any: break
    }
  }

  /// A term of a selector: its key, or what stands behind the key's colon.
  private mutating func offerTerm() {
    let isNegated = typed.hasPrefix("-")
    let body = isNegated ? typed.dropFirst() : typed[...]
    if let colon = body.firstIndex(of: ":") {
      guard let term = SelectorTerm(rawValue: String(body[..<colon])) else { return }
      let values = body[body.index(after: colon)...]
      typed = values.lastIndex(of: ",").map { String(values[values.index(after: $0)...]) } ?? String(values)
      candidates += term.values
      wanted = term.wanted
    } else {
      candidates += SelectorTerm.allCases.map { term in
        CandidateReply(text: (isNegated ? "-" : "") + term.rawValue + ":", summary: term.summary, isWhole: false)
      }
      if !isNegated { wanted = [.ids] }
    }
  }
}

extension Command.Option {
  /// Values that are worth a key, for what stands behind the option.
  fileprivate var values: [CandidateReply] {
    switch self {
    case .duration: ["30m", "1h", "2h", "8h", "1d"].map { CandidateReply(text: $0, summary: "") }
    case .limit: ["10", "50", "100"].map { CandidateReply(text: $0, summary: "") }
    case .since: ["today", "yesterday", "-1h"].map { CandidateReply(text: $0, summary: "") }
    default: []
    }
  }
}
