// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// What the arguments of the program ask for: one command, a script, or the console.
enum Program {
  static func run(_ arguments: [String]) -> ExitCode {
    do {
      let arguments = try ProgramArguments(arguments)
      let global = arguments.global
      switch arguments.work {
      case .command(let words):
        let invocation = try Invocation(words)
        return CommandRunner(invocation.global).run(invocation).exit
      case .lines(let lines):
        return Script(CommandRunner(global), keepsGoing: arguments.keepsGoing).run(lines)
      case .file(let path):
        return try Script(CommandRunner(global), keepsGoing: arguments.keepsGoing).run(InputLines(path: path))
      case .input where isatty(STDIN_FILENO) == 1:
        return Console(CommandRunner(global)).run()
      case .input:
        return Script(CommandRunner(global), keepsGoing: arguments.keepsGoing).run(InputLines.standard)
      }
    } catch {
      // The options are as wrong as the rest: only the form of the error is known.
      var global = GlobalOptions()
      global.format = GlobalOptions.format(requestedBy: arguments)
      let output = Output(global)
      output.print(error)
      return output.finish(error.exit)
    }
  }
}
