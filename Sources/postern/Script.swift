// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

/// Commands one a line, run until one fails. Commands are spelt out here: an abbreviation could mean another command in
/// the next version. An error says in which line it is.
struct Script {
  private let runner: CommandRunner
  private let keepsGoing: Bool

  init(_ runner: CommandRunner, keepsGoing: Bool) {
    self.runner = runner
    self.keepsGoing = keepsGoing
  }

  /// Of `-c`.
  func run(_ lines: [String]) -> ExitCode {
    var rest = lines[...]
    return run(name: { lines.count == 1 ? nil : "-c \($0)" }, takesInput: false) { rest.popFirst() }
  }

  func run(_ lines: InputLines) -> ExitCode {
    run(
      name: { number in lines.path.map { "\($0):\(number)" } ?? "line \(number)" }, takesInput: lines.isStandardInput,
      next: lines.next)
  }

  private func run(
    name: (Int) -> String?, takesInput: Bool, next: () throws(AdminError) -> String?
  ) -> ExitCode {
    var result = ExitCode.ok
    var number = 0
    while true {
      number += 1
      let place = name(number)
      let end: CommandRunner.End
      do throws(AdminError) {
        guard let line = try next() else { return result }
        guard let invocation = try runner.invocation(try TypedLine.split(line)) else { continue }
        if takesInput, let option = [Command.Option.passwordStdin, .stdin].first(where: invocation.has) {
          throw .usage("stdin_is_script", "\(option.rawValue) cannot read standard input: the script comes from there")
        }
        end = runner.run(invocation, at: place)
      } catch {
        end = runner.fail(error, at: place)
        // Nothing says where the next line would begin.
        if error.code.hasPrefix("script.") { return result == .ok ? end.exit : result }
      }
      guard end.exit != .ok else { continue }
      if result == .ok { result = end.exit }
      guard !keepsGoing else { continue }
      if let place, !end.isExplained {
        _ = runner.fail(
          AdminError(
            "script.stopped", "it ended with exit code \(end.exit.rawValue); the rest was not run",
            hint: "postern --keep-going", exit: end.exit), at: place)
      }
      return result
    }
  }
}
