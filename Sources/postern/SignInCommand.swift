// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

/// `creds login`: has the daemon ask for a code, shows it, and waits until somebody has used it. The daemon goes on if we
/// end: a sign-in that is finished later counts.
struct SignInCommand {
  private let invocation: Invocation
  private let daemon: DaemonLink
  private let output: Output

  /// Behind the end of the code: the login is tried at the upstream.
  private static let patienceSeconds = 120
  private static let tokenOctetsMax = 8192

  init(_ invocation: Invocation, _ daemon: DaemonLink, _ output: Output) {
    self.invocation = invocation
    self.daemon = daemon
    self.output = output
  }

  func run() throws(AdminError) -> ExitCode {
    if invocation.has(.refreshToken) { return try handOver() }
    var signIn: SignInReply?
    try ask(AdminRequest.Arguments(name: invocation.words[0])) {
      if case .signIn(let reply) = $0 { signIn = reply }
    }
    guard let signIn else { throw .noAnswer }
    let now = output.now
    output.print(.signIn(signIn)) { OutcomeView.lines(signIn, now: now, style: $0) }
    output.flush()

    var change: CredentialChangeReply?
    let seconds = max(0, Int((signIn.ends.milliseconds - now.milliseconds) / 1000)) + Self.patienceSeconds
    try ask(AdminRequest.Arguments(name: invocation.words[0], wait: true), silenceSecondsMax: seconds) {
      if case .credentialChange(let reply) = $0 { change = reply }
    }
    guard let change else { throw .noAnswer }
    output.print(.credentialChange(change)) { OutcomeView.lines(change, style: $0) }
    return .ok
  }

  /// A refresh token changes with each use, so the daemon keeps it and no file of ours.
  private func handOver() throws(AdminError) -> ExitCode {
    let name = invocation.words[0]
    let octets =
      try invocation.has(.stdin)
      ? SecretInput.standardInput(
        .stdin, octetsMax: Self.tokenOctetsMax, instead: "postern creds login \(name) --refresh-token")
      : SecretInput.typed(["Refresh token for \(name) (input hidden): "], option: .stdin)
    guard !octets.isEmpty, octets.count <= Self.tokenOctetsMax, octets.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw AdminError("secret.refused", "that is no refresh token", context: ["nothing was changed"], exit: .dataError)
    }
    let command = CommandTable.command(.credsSet)
    var arguments = AdminRequest.Arguments(
      name: name, secret: SecretText(String(decoding: octets, as: UTF8.self)))
    arguments.kind = CredentialKind.refreshToken.rawValue
    var change: CredentialChangeReply?
    _ = try daemon.perform(
      command, typed: invocation.typed, { AdminRequest(id: $0, command: command, args: arguments) }
    ) {
      if case .credentialChange(let reply) = $0 { change = reply }
    }
    guard let change else { throw .noAnswer }
    output.print(.credentialChange(change)) { OutcomeView.lines(change, style: $0) }
    return .ok
  }

  private func ask(
    _ arguments: AdminRequest.Arguments, silenceSecondsMax: Int = ControlClient.silenceSecondsMax,
    _ receive: (AdminReply.Payload) -> Void
  ) throws(AdminError) {
    let command = CommandTable.command(.credsLogin)
    _ = try daemon.perform(
      command, typed: invocation.typed, silenceSecondsMax: silenceSecondsMax,
      { AdminRequest(id: $0, command: command, args: arguments) }, receive: receive)
  }
}
