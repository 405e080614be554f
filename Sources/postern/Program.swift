// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

/// One command from the shell: reads the arguments, has the daemon or this process do it, prints, and says how it ended.
struct Program {
  private let invocation: Invocation
  private let output: Output
  private let gateway: GatewayLocation

  static func run(_ arguments: [String]) -> ExitCode {
    let invocation: Invocation
    do {
      invocation = try Invocation(arguments)
    } catch {
      let output = Output(format: GlobalOptions.format(requestedBy: arguments), color: false, quiet: false)
      output.print(error)
      return output.finish(error.exit)
    }
    let global = invocation.global
    let output = Output(format: global.format, color: global.color, quiet: global.quiet)
    let gateway = GatewayLocation(option: global.configPath, command: typed(invocation))
    let program = Program(invocation: invocation, output: output, gateway: gateway)
    do {
      return output.finish(try program.run())
    } catch {
      program.report(error)
      return output.finish(error.exit)
    }
  }

  private func run() throws(AdminError) -> ExitCode {
    switch invocation.command.name {
    case .status, .queue, .show, .flush, .reload:
      return try ask()
    case .usersAdd:
      return try UserAddition(name: invocation.words[0], source: invocation.option, gateway: gateway, output: output)
        .run()
    case .help:
      output.print(text: try HelpText.text(for: invocation.words))
      return .ok
    case .version:
      let version = VersionReply(version: Product.version)
      output.print(.version(version)) { _ in ["postern \(version.version)"] }
      return .ok
    }
  }

  /// The daemon's part: send, show what comes, end as it says.
  private func ask() throws(AdminError) -> ExitCode {
    var client = try gateway.connect()
    let now = output.now
    var queue = QueueView(now: now, style: output.style)
    let exit = try client.perform({ invocation.request(id: $0) }) { payload in
      output.print(payload) { style in
        switch payload {
        case .status(let status): StatusView.lines(status, now: now, style: style)
        case .message(let message) where invocation.command.name == .queue: queue.add(message)
        case .message(let message): ShowView.lines(message, now: now, style: style)
        case .change(let change): OutcomeView.lines(change, style: style)
        case .reload(let reload): OutcomeView.lines(reload, style: style)
        case .user, .version, .unknown: []
        }
      }
    }
    if invocation.command.name == .queue { output.printForPeople(queue.finish()) }
    return exit
  }

  /// `status` has an answer also if the daemon has none; it is no error message then.
  private func report(_ error: AdminError) {
    if invocation.command.name == .status, error.code == "daemon.not_running", !output.isJSON {
      output.printForPeople(StatusView.down(error, style: output.style))
    } else {
      output.print(error)
    }
  }

  private static func typed(_ invocation: Invocation) -> String {
    (invocation.command.words + (invocation.option.map { [$0.rawValue] } ?? []) + invocation.words)
      .joined(separator: " ")
  }
}
