// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The arguments of `postern`, understood as far as: one command, several, or none.
package struct ProgramArguments: Sendable, Equatable {
  package enum Work: Sendable, Equatable {
    /// All arguments are one command; its own options are among them.
    case command([String])
    /// `-c LINE`, once or more.
    case lines([String])
    /// `-f FILE`.
    case file(String)
    /// Nothing: lines from standard input, in the console if that is a terminal.
    case input
  }

  package var work: Work
  /// For every command of the work; of a single command they are among its words.
  package var global = GlobalOptions()
  /// A command that fails does not end a script.
  package var keepsGoing = false

  package init(_ arguments: [String]) throws(AdminError) {
    var lines: [String] = []
    var file: String?
    var rest = arguments[...]
    reading: while let word = rest.first {
      switch word {
      case "-c":
        rest.removeFirst()
        guard let line = rest.popFirst() else { throw .usage("missing_value", "-c needs a command: -c 'queue'") }
        lines.append(line)
      case "-f":
        rest.removeFirst()
        guard let path = rest.popFirst(), file == nil else { throw .usage("missing_value", "-f needs one file") }
        file = path
      case "--keep-going":
        rest.removeFirst()
        keepsGoing = true
      default:
        var behind = rest.dropFirst()
        guard try global.take(word, rest: &behind) else { break reading }
        rest = behind
      }
    }
    let isSingle = !rest.isEmpty || global.help || global.version
    guard !isSingle || (lines.isEmpty && file == nil && !keepsGoing), lines.isEmpty || file == nil else {
      throw .usage(
        "exclusive_options", "a command, -c and -f exclude each other, and --keep-going is for scripts",
        hint: "postern help")
    }
    work = isSingle ? .command(arguments) : file.map { .file($0) } ?? (lines.isEmpty ? .input : .lines(lines))
  }
}
