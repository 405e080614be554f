// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

/// The one place that runs commands, for the shell, for scripts and for the console: has the daemon or this process do
/// it, prints, and says how it ended.
struct CommandRunner {
  struct End {
    var exit: ExitCode
    /// An error was printed that says why.
    var isExplained: Bool
  }

  /// What holds for all commands of this run of the program.
  let global: GlobalOptions
  let daemon: DaemonLink
  private let gateway: GatewayLocation

  init(_ global: GlobalOptions) {
    self.global = global
    gateway = GatewayLocation(option: global.configPath)
    daemon = DaemonLink(gateway)
  }

  // MARK: Lines

  /// Reads the words of a line; nil if it holds no command.
  func invocation(_ words: [String]) throws(AdminError) -> Invocation? {
    guard !words.isEmpty else { return nil }
    let invocation = try Invocation(words, defaults: global)
    guard invocation.global.configPath == global.configPath else {
      throw .usage("misplaced_option", "--config stands behind 'postern', not in a line: all lines are for one gateway")
    }
    return invocation
  }

  /// Prints an error; `place` is where in a script it happened.
  func fail(_ error: AdminError, at place: String? = nil) -> End {
    let output = Output(global)
    output.print(error.placed(place))
    return End(exit: output.finish(error.exit), isExplained: true)
  }

  // MARK: Commands

  func run(_ invocation: Invocation, at place: String? = nil) -> End {
    let output = Output(invocation.global)
    do {
      let exit = try perform(invocation, output)
      return End(exit: output.finish(exit), isExplained: false)
    } catch {
      if invocation.command.name == .status, error.code == "daemon.not_running", !output.isJSON {
        // `status` has an answer also if the daemon has none.
        output.printForPeople(StatusView.down(error, style: output.style))
      } else {
        output.print(error.placed(place))
      }
      return End(exit: output.finish(error.exit), isExplained: true)
    }
  }

  private func perform(_ invocation: Invocation, _ output: Output) throws(AdminError) -> ExitCode {
    switch invocation.command.name {
    case .status where invocation.has(.watch), .clients where invocation.has(.watch):
      return try WatchCommand(invocation, daemon, output).run()
    case .status, .queue, .show, .why, .pauseOut, .pauseUpstream, .resumeIn, .resumeOut,
      .resumeUpstream, .reload, .usersList, .credsList, .credsTest, .undrop, .routeTest, .upstreamShow, .clients,
      .complete:
      return try DaemonCommand(invocation, daemon, output).run()
    case .flush, .hold, .release, .bounce, .drop, .pauseIn:
      return try ConfirmedCommand(invocation, daemon, output).run()
    case .usersAdd, .usersPasswd, .usersDisable, .usersEnable, .usersRemove:
      return try UserEdit(invocation, gateway, daemon, output).run()
    case .credsSet:
      return try CredentialChange(invocation, gateway, daemon, output).run()
    case .credsLogin:
      return try SignInCommand(invocation, daemon, output).run()
    case .log:
      return try JournalQuery(invocation, daemon, output).run()
    case .spoolVerify, .spoolDump:
      return try SpoolCommand(invocation, gateway, output).run()
    case .spoolRepair, .spoolAdopt:
      return try SpoolTransferCommand(invocation, gateway, output).run()
    case .help:
      output.print(text: try HelpText.text(for: invocation.words))
      return .ok
    case .version:
      let version = VersionReply(version: Product.version)
      output.print(.version(version)) { _ in ["postern \(version.version)"] }
      return .ok
    }
  }
}

extension AdminError {
  fileprivate func placed(_ place: String?) -> AdminError {
    guard let place else { return self }
    var error = self
    error.message = "\(place): \(message)"
    return error
  }
}

extension Invocation {
  /// As it could be typed behind `postern`, for hints.
  var typed: String {
    let options = options.sorted { $0.key.rawValue < $1.key.rawValue }.flatMap { option, value in
      [option.rawValue] + (option.value == nil ? [] : [TypedLine.quoted(value)])
    }
    return (command.words + words.map(TypedLine.quoted) + options).joined(separator: " ")
  }
}
