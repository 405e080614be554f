// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// One line of the command table: what is typed, who may, who answers, what help says. Never code that runs it.
package struct Command: Sendable, Equatable {
  /// The words as typed. Whoever runs commands switches over this, so a new command cannot be forgotten.
  package enum Name: String, Sendable, CaseIterable {
    case status
    case queue
    case show
    case why
    case flush
    case hold
    case release
    case bounce
    case drop
    case undrop
    case pauseIn = "pause in"
    case pauseOut = "pause out"
    case pauseUpstream = "pause upstream"
    case resumeIn = "resume in"
    case resumeOut = "resume out"
    case resumeUpstream = "resume upstream"
    case routeTest = "route test"
    case upstreamShow = "upstream show"
    case clients
    case log
    case reload
    case usersList = "users list"
    case usersAdd = "users add"
    case usersPasswd = "users passwd"
    case usersDisable = "users disable"
    case usersEnable = "users enable"
    case usersRemove = "users remove"
    case credsList = "creds list"
    case credsSet = "creds set"
    case credsLogin = "creds login"
    case credsTest = "creds test"
    case spoolVerify = "spool verify"
    case spoolDump = "spool dump"
    case spoolRepair = "spool repair"
    case spoolAdopt = "spool adopt"
    case help
    case version
    /// Asked by consoles, not typed by people.
    case complete
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
    /// This program; it may ask the daemon for something besides.
    case client
  }

  package enum Placeholder: String, Sendable {
    case id = "ID"
    case selector = "SELECTOR"
    case user = "NAME"
    case upstream = "UPSTREAM"
    /// A message, an upstream, or a client by its address or name.
    case subject = "ID|UPSTREAM|CLIENT"
    case command = "COMMAND"
    case directory = "DIR"
    case newDirectory = "NEWDIR"
    case batch = "batch:N"
  }

  package enum Takes: Sendable, Equatable {
    case nothing
    case one(Placeholder)
    case two(Placeholder, Placeholder)
    case optional(Placeholder)
    case any(Placeholder)
  }

  package let name: Name
  package let takes: Takes
  package let options: [Option]
  package let level: Level
  package let place: Place
  /// True if the command changes something: the daemon logs who asked.
  package let changes: Bool
  /// True if it cannot be taken back, or takes mail out of sight: it shows first what it would do, and asks.
  package let isFinal: Bool
  package let summary: String
  /// Further lines of help, one sentence or example each.
  package let details: [String]

  init(
    _ name: Name, takes: Takes = .nothing, options: [Option] = [], level: Level, place: Place = .daemon,
    changes: Bool = false, isFinal: Bool = false, _ summary: String, details: [String] = []
  ) {
    self.name = name
    self.takes = takes
    self.options = options
    self.level = level
    self.place = place
    self.changes = changes
    self.isFinal = isFinal
    self.summary = summary
    self.details = details
  }

  package var words: [String] { name.rawValue.split(separator: " ").map(String.init) }

  /// As requests and `caps` write it.
  package var wireName: String { words.joined(separator: ".") }

  /// The daemon answers it: as a whole, or the client's part that only the daemon can do.
  package var isAsked: Bool { place == .daemon || name == .credsSet || name == .credsLogin }

  /// People do not type it: no help shows it.
  package var isHidden: Bool { name == .complete }

  /// A changing command that works on a set of messages has to be told which: none is never all.
  package var needsTarget: Bool { changes && takes == .any(.selector) }

  /// `flush SELECTOR...|--all`: without the options that only some need.
  package var synopsis: String {
    switch takes {
    case .any(let placeholder) where needsTarget: "\(name.rawValue) \(placeholder.rawValue)...|\(Option.all.rawValue)"
    case .any(let placeholder): "\(name.rawValue) [\(placeholder.rawValue)...]"
    case .one(let placeholder): "\(name.rawValue) \(placeholder.rawValue)"
    case .two(let first, let second): "\(name.rawValue) \(first.rawValue) \(second.rawValue)"
    case .optional(let placeholder): "\(name.rawValue) [\(placeholder.rawValue)]"
    case .nothing: name.rawValue
    }
  }

  /// `users add NAME [--ask|--password-stdin]`.
  package var usage: String {
    var rest = options.filter { $0 != .all }
    var choices: [String] = []
    while let first = rest.first {
      let group = rest.filter { $0 == first || $0.excludes(first) }
      rest.removeAll { group.contains($0) }
      choices.append(" [" + group.map(\.usage).joined(separator: "|") + "]")
    }
    return synopsis + choices.joined()
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
