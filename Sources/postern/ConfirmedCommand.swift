// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

/// A command of the daemon that shows what it would do, asks, and then means what it has shown and nothing that came
/// later. What can be taken back asks only at a terminal, and only about more messages than one oversees.
struct ConfirmedCommand {
  private let invocation: Invocation
  private let command: DaemonCommand
  private let output: Output

  init(_ invocation: Invocation, _ daemon: DaemonLink, _ output: Output) {
    self.invocation = invocation
    self.output = output
    command = DaemonCommand(invocation, daemon, output)
  }

  func run() throws(AdminError) -> ExitCode {
    invocation.command.takes == .any(.selector) ? try changeMessages() : try pauseClients()
  }

  private func changeMessages() throws(AdminError) -> ExitCode {
    if invocation.has(.yes) || invocation.has(.dryRun) { return try command.run() }
    guard let confirmation = try Confirmation(for: invocation) else { return try command.run() }
    let view = ChangeView(invocation, now: output.now, style: output.style)
    guard let change = try command.preview(), let preview = change.preview, change.matched > 0 else {
      output.printForPeople(["no message matches"])
      return .ok
    }
    if invocation.command.isFinal || change.matched > Confirmation.countForYes {
      try confirmation.ask(view.preview(change, preview) + view.notes(change), count: change.matched)
    }
    return try command.run(confirmed: change)
  }

  private func pauseClients() throws(AdminError) -> ExitCode {
    let end = invocation.options[.duration].map { "for \($0)" } ?? "until 'postern resume in'"
    let what = "all clients are refused with 421 \(end); who does not try again loses what it was sending"
    if invocation.has(.dryRun) {
      output.printForPeople(["would pause: \(what)", "nothing was changed: this is a dry run"])
      return .ok
    }
    if !invocation.has(.yes) { try Confirmation(for: invocation)?.ask(["Will pause: \(what)."]) }
    return try command.run()
  }
}
