// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

/// A command that the daemon runs: send it, show what comes, end as it says.
struct DaemonCommand {
  private let invocation: Invocation
  private let daemon: DaemonLink
  private let output: Output

  init(_ invocation: Invocation, _ daemon: DaemonLink, _ output: Output) {
    self.invocation = invocation
    self.daemon = daemon
    self.output = output
  }

  /// `confirmed` is the preview that somebody agreed to: no more is changed than that showed.
  func run(confirmed: ChangeReply? = nil) throws(AdminError) -> ExitCode {
    if invocation.has(.count) { return try count() }
    if invocation.has(.ids) { return try ids() }
    let (now, style) = (output.now, output.style)
    let isList = invocation.command.name == .queue
    let changes = ChangeView(invocation, now: now, style: style)
    var queue = QueueView(now: now, style: style)
    var logins = LoginsView(now: now, style: style)
    var clients = ClientsView(now: now, style: style)
    var credentials = CredentialsView(now: now, style: style)
    let exit = try ask(confirmed: confirmed) { payload in
      output.print(payload) { style in
        switch payload {
        case .status(let status): StatusView.lines(status, now: now, style: style)
        case .message(let message) where isList: queue.add(message)
        case .client(let client): clients.add(client)
        case .note(let note) where isList: queue.add(note)
        case .note(let note): clients.add(note)
        case .message(let message): ShowView.lines(message, now: now, style: style)
        case .why(let why): WhyView.lines(why, now: now, style: style)
        case .change(let change): changes.lines(change)
        case .pause(let pause): PauseView.lines(pause, now: now, style: style)
        case .reload(let reload): OutcomeView.lines(reload, style: style)
        case .login(let login): logins.add(login)
        case .credential(let credential): credentials.add(credential)
        case .credentialChange(let change): OutcomeView.lines(change, style: style)
        case .signIn(let signIn): OutcomeView.lines(signIn, now: now, style: style)
        case .route(let route): RouteView.lines(route, style: style)
        case .upstream(let upstream): UpstreamView.lines(upstream, now: now, style: style)
        case .spool, .spoolRecord, .spoolTransfer, .user, .version, .candidate, .unknown: []
        }
      }
    }
    switch invocation.command.name {
    case .queue: output.printForPeople(queue.finish())
    case .clients: output.printForPeople(clients.finish())
    case .usersList: output.printForPeople(logins.finish())
    case .credsList: output.printForPeople(credentials.finish())
    default: break
    }
    return exit
  }

  /// What a change would mean, if it is one of messages; nothing is changed.
  func preview() throws(AdminError) -> ChangeReply? {
    var change: ChangeReply?
    _ = try ask(dryRun: true) { if case .change(let reply) = $0 { change = reply } }
    return change
  }

  private func count() throws(AdminError) -> ExitCode {
    var count = 0
    let exit = try ask { if case .message = $0 { count += 1 } }
    output.print(value: String(count))
    return exit
  }

  private func ids() throws(AdminError) -> ExitCode {
    try ask {
      guard case .message(let message) = $0 else { return }
      output.print(value: output.isJSON ? "\"\(message.id)\"" : TerminalText.escaped(message.id))
    }
  }

  private func ask(
    confirmed: ChangeReply? = nil, dryRun: Bool = false, receive: (AdminReply.Payload) -> Void
  ) throws(AdminError) -> ExitCode {
    try daemon.perform(
      invocation.command, typed: invocation.typed,
      { id in
        var request = invocation.request(id: id)
        if let confirmed, let preview = confirmed.preview {
          request.args.upTo = preview.upTo
          request.args.asOf = preview.asOf
          request.args.confirmed = confirmed.matched
        }
        if dryRun { request.args.dryRun = true }
        return request
      }, receive: receive)
  }
}
