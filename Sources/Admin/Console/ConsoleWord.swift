// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the console understands besides the commands of the table: words about itself, which make no sense in a shell.
package enum ConsoleWord: String, Sendable, CaseIterable {
  case history
  case quit
  case exit

  package var summary: String {
    switch self {
    case .history: "what was typed before"
    case .quit, .exit: "leave the console, as Ctrl-D"
    }
  }

  package static var names: [String] { allCases.map(\.rawValue) }

  /// Those that begin so, for Tab and `?`.
  package static func candidates(for beginning: String) -> [CandidateReply] {
    allCases.filter { $0.rawValue.hasPrefix(beginning) }.map { CandidateReply(text: $0.rawValue, summary: $0.summary) }
  }

  /// Below the list of commands, for `help` in the console.
  package static var help: String {
    """
    in the console
      ?          what can stand here, at any point of a line; inside quotes it is a question mark
      Tab        completes words, ids, addresses, upstreams and users, or lists them
      q, u l     any command, as short as it is clear
      history    what was typed before; Up and Down, Ctrl-R searches
      Ctrl-C     forgets the line, or stops waiting for an answer
      quit       leaves, as do exit and Ctrl-D

    """
  }
}
