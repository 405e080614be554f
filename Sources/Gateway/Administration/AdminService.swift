// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc
import Queue

/// Turns a request into work on the gateway. It knows the commands and nothing of sockets; all connections share it.
struct AdminService: Sendable {
  let administration: any Administration
  let now: @Sendable () -> Int64
  let audit: AdminListener.Audit

  /// What is to be done for one request, a step at a time.
  enum Work {
    /// Complete: these lines are the answer.
    case answered([AdminReply])
    case list(MessageScan)
    case flush(MessageScan, ChangeReply)
    case reload
  }

  /// What the request asks for. What is wrong with it is part of the answer, and the connection goes on.
  func begin(_ request: AdminRequest, from peer: PeerCredentials) -> Work {
    do throws(AdminError) {
      let command = try request.command()
      do throws(AdminError) {
        return try work(for: command, request, peer)
      } catch {
        if command.changes { record(request, from: peer, "refused: \(error.message)") }
        throw error
      }
    } catch {
      return .answered([.failure(id: request.id, error)])
    }
  }

  private func work(
    for command: Command, _ request: AdminRequest, _ peer: PeerCredentials
  ) throws(AdminError) -> Work {
    switch command.name {
    case .status:
      let status = administration.status()
      return answer(request, .status(status), exit: status.health == .ok ? .ok : .no)
    case .queue:
      return .list(MessageScan(administration, try selector(request)))
    case .show:
      let message = try message(request)
      return .answered(message.lines().map { .data(id: request.id, .message($0)) } + [.end(id: request.id, exit: .ok)])
    case .flush:
      let change = ChangeReply(verb: "flush", matched: 0, done: 0, failed: 0, actor: .init(uid: peer.uid))
      return .flush(MessageScan(administration, try selector(request)), change)
    case .reload:
      return .reload
    case .usersAdd, .help, .version:
      // `AdminRequest.command` lets only the daemon's commands through.
      preconditionFailure("'\(command.name.rawValue)' is no command of the daemon")
    }
  }

  // MARK: Steps

  /// The next lines of a list; nil behind the last message.
  func lines(of scan: inout MessageScan, for request: AdminRequest) -> [AdminReply]? {
    let now = now()
    return scan.next(now: now)?.flatMap { view in
      MessageReply(view, now: now).lines().map { .data(id: request.id, .message($0)) }
    }
  }

  /// Flushes one page; false behind the last message.
  func flush(_ scan: inout MessageScan, _ change: inout ChangeReply) -> Bool {
    guard let page = scan.next(now: now()) else { return false }
    if !page.isEmpty {
      change.matched += page.count
      change.done += administration.flush(page.map(\.id))
    }
    return true
  }

  // MARK: Ends

  func finish(_ change: ChangeReply, for request: AdminRequest, from peer: PeerCredentials) -> [AdminReply] {
    record(change, for: request, from: peer, "done")
    var change = change
    let waiting = administration.status().upstreams.filter { $0.state == "paused" || $0.state == "unreachable" }
    if change.done > 0, !waiting.isEmpty {
      change.notes = waiting.map { upstream in
        "upstream \(upstream.name) is \(upstream.state)\(upstream.reason.map { " (\($0))" } ?? ""): "
          + "mail for it waits until it is back"
      }
    }
    return [.data(id: request.id, .change(change)), .end(id: request.id, exit: .ok)]
  }

  func finish(_ reload: ReloadReply, for request: AdminRequest, from peer: PeerCredentials) -> [AdminReply] {
    guard !reload.problems.isEmpty else {
      record(request, from: peer, "done: generation \(reload.generation)")
      return [.data(id: request.id, .reload(reload)), .end(id: request.id, exit: .ok)]
    }
    record(request, from: peer, "failed: generation \(reload.generation) stays in force")
    var room = AdminLimits.problemOctetsMax
    let shown = reload.problems.prefix { problem in
      room -= problem.utf8.count
      return room >= 0
    }
    let rest = reload.problems.count - shown.count
    let error = AdminError(
      "config.invalid", "not reloaded; generation \(reload.generation) of the configuration stays in force",
      context: shown + (rest > 0 ? ["and \(rest) more lines"] : []), hint: "posternd --check", exit: .configuration)
    return [.failure(id: request.id, error)]
  }

  /// The connection ended in the middle: each message is changed or not, and the log says how many are.
  func abandon(_ change: ChangeReply, for request: AdminRequest, from peer: PeerCredentials) {
    record(change, for: request, from: peer, "connection lost")
  }

  private func record(
    _ change: ChangeReply, for request: AdminRequest, from peer: PeerCredentials, _ outcome: String
  ) {
    record(request, from: peer, "\(outcome): \(change.matched) matched, \(change.done) changed")
  }

  private func record(_ request: AdminRequest, from peer: PeerCredentials, _ result: String) {
    let arguments = [request.args.select, request.args.all == true ? "--all" : nil, request.args.message]
    let words = [request.cmd] + arguments.compactMap { $0 }
    // What was asked came over the socket: it must not end the log line, or be a line of its own.
    let text = TerminalText.escaped(words.joined(separator: " "))
    audit(peer.uid, peer.pid, String(text.prefix(AdminLimits.auditCharactersMax)), result)
  }

  private func answer(_ request: AdminRequest, _ payload: AdminReply.Payload, exit: ExitCode) -> Work {
    .answered([.data(id: request.id, payload), .end(id: request.id, exit: exit)])
  }
}
