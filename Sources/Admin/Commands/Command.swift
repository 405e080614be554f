// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// One line of the command table: what is typed, who may, who answers, what help says. Never code that runs it.
package struct Command: Sendable, Equatable {
  /// The words as typed. Whoever runs commands switches over this, so a new command cannot be forgotten.
  package enum Name: String, Sendable, CaseIterable {
    case status
    case queue
    case show
    case flush
    case reload
    case usersAdd = "users add"
    case help
    case version
  }

  /// What a connection to the daemon may do; each level may also do what those before it may.
  package enum Level: String, Sendable, Codable, Comparable, CaseIterable {
    case view
    case operate
    case admin

    package static func < (left: Level, right: Level) -> Bool {
      allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
    }
  }

  /// Who runs it.
  package enum Place: Sendable, Equatable {
    case daemon
    /// This program; it may ask the daemon for a reload afterwards.
    case client
  }

  package enum Placeholder: String, Sendable {
    case id = "ID"
    case selector = "SELECTOR"
    case name = "NAME"
    case command = "COMMAND"
  }

  package enum Takes: Sendable, Equatable {
    case nothing
    case one(Placeholder)
    case any(Placeholder)
  }

  /// An option of this command alone.
  package enum Option: String, Sendable, CaseIterable {
    case all = "--all"
    case ask = "--ask"
    case passwordStdin = "--password-stdin"

    package var summary: String {
      switch self {
      case .all: "every message, in the place of a selector"
      case .ask: "ask twice for the password on the terminal, without echo"
      case .passwordStdin: "read the password from standard input, one line"
      }
    }
  }

  package let name: Name
  package let takes: Takes
  /// At most one of these may be given.
  package let options: [Option]
  package let level: Level
  package let place: Place
  /// True if the command changes something: the daemon logs who asked.
  package let changes: Bool
  package let summary: String
  /// Further lines of help, one sentence or example each.
  package let details: [String]

  init(
    _ name: Name, takes: Takes = .nothing, options: [Option] = [], level: Level, place: Place = .daemon,
    changes: Bool = false, _ summary: String, details: [String] = []
  ) {
    self.name = name
    self.takes = takes
    self.options = options
    self.level = level
    self.place = place
    self.changes = changes
    self.summary = summary
    self.details = details
  }

  package var words: [String] { name.rawValue.split(separator: " ").map(String.init) }

  /// As requests and `caps` write it.
  package var wireName: String { words.joined(separator: ".") }

  /// A changing command that works on a set of messages has to be told which: none is never all.
  package var needsTarget: Bool { changes && takes == .any(.selector) }

  /// `flush SELECTOR...|--all`, `users add NAME [--ask|--password-stdin]`.
  package var usage: String {
    let choice = options.map(\.rawValue).joined(separator: "|")
    return switch takes {
    case .any(let placeholder) where needsTarget: "\(name.rawValue) \(placeholder.rawValue)...|\(choice)"
    case .any(let placeholder): "\(name.rawValue) [\(placeholder.rawValue)...]" + (choice.isEmpty ? "" : " [\(choice)]")
    case .one(let placeholder): "\(name.rawValue) \(placeholder.rawValue)" + (choice.isEmpty ? "" : " [\(choice)]")
    case .nothing: name.rawValue + (choice.isEmpty ? "" : " [\(choice)]")
    }
  }

  /// Both sides ask: the shell before it connects, the daemon because anyone may write to its socket.
  package func checkTarget(select: String?, all: Bool) throws(AdminError) {
    guard needsTarget else { return }
    let isEmpty = select?.allSatisfy { $0 == " " } ?? true
    if isEmpty && !all {
      throw .usage(
        "no_selector",
        "\(name.rawValue) needs a selector (for example '\(name.rawValue) 7KQ2' or '\(name.rawValue) from:@example.net'), "
          + "or --all",
        hint: "postern help \(name.rawValue)")
    }
    if !isEmpty && all {
      throw .usage(
        "selector_and_all", "\(name.rawValue) takes a selector or --all, not both",
        hint: "postern help \(name.rawValue)")
    }
  }

  package var missingArgument: AdminError {
    .usage("missing_argument", "usage: postern \(usage)", hint: "postern help \(name.rawValue)")
  }
}
