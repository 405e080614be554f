// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Synchronization

/// Turns a request into work on the gateway. It knows the commands and nothing of sockets; all connections share it. What
/// a command is about has a file of its own: messages, why, the gateway, completion.
final class AdminService: Sendable {
  let administration: any Administration
  /// Wall time in milliseconds.
  let now: @Sendable () -> Int64
  let audit: AdminAction.Report
  private let isStopping = Atomic(false)

  init(administration: any Administration, now: @escaping @Sendable () -> Int64, audit: @escaping AdminAction.Report) {
    self.administration = administration
    self.now = now
    self.audit = audit
  }

  /// The gateway is on its way down: what is read is still answered, nothing is changed any more.
  func stopChanges() { isStopping.store(true, ordering: .relaxed) }

  /// What the request asks for. What is wrong with it is part of the answer, and the connection goes on.
  func begin(_ request: AdminRequest, from peer: AdminPeer) -> AdminWork {
    do throws(AdminError) {
      let command = try request.command()
      do throws(AdminError) {
        let level = command.name == .drop && request.args.isNow == true ? .admin : command.level
        guard level <= peer.level else {
          throw .level(command, needs: level, has: peer.level, typed: request.typed)
        }
        if command.changes, isStopping.load(ordering: .relaxed) { throw Self.stopping }
        return try work(for: command, request, peer)
      } catch {
        if command.changes { audit(AdminAction(peer, request, outcome: "refused: \(error.message)")) }
        throw error
      }
    } catch {
      return .answered([.failure(id: request.id, error)])
    }
  }

  private func work(
    for command: Command, _ request: AdminRequest, _ peer: AdminPeer
  ) throws(AdminError) -> AdminWork {
    let seconds = request.args.seconds
    let until = seconds.map { now() + Int64($0) * 1000 }
    switch command.name {
    case .status:
      let status = administration.status()
      return .answered([.status(status)], to: request, exit: status.health == .ok ? .ok : .no)
    case .queue: return .paged(try QueueListing(self, request))
    case .show: return try show(request)
    case .why: return try explanation(request)
    case .flush: return .paged(try MessageChange(self, .flush, request, from: peer))
    case .hold: return .paged(try MessageChange(self, .hold(until: until), request, from: peer))
    case .release: return .paged(try MessageChange(self, .release, request, from: peer))
    case .bounce:
      return .paged(try MessageChange(self, .bounce(report: request.args.noDSN != true), request, from: peer))
    case .drop:
      return .paged(try MessageChange(self, request.args.isNow == true ? .erase : .drop, request, from: peer))
    case .undrop: return try undrop(request, peer)
    case .pauseIn: return try pause(.incoming, until: until, request, peer)
    case .pauseOut: return try pause(.outgoing, until: until, request, peer)
    case .pauseUpstream: return try pause(.upstream(try name(request)), until: until, request, peer)
    case .resumeIn: return try resume(.incoming, request, peer)
    case .resumeOut: return try resume(.outgoing, request, peer)
    case .resumeUpstream: return try resume(.upstream(try name(request)), request, peer)
    case .routeTest: return .answered([.route(administration.route(try delivery(request)))], to: request)
    case .upstreamShow: return .answered([.upstream(try administration.upstream(try name(request)))], to: request)
    case .clients: return .paged(ClientListing(administration.clients(), request))
    case .reload: return reload(request, peer)
    case .usersList: return .answered(administration.logins().map { .login($0) }, to: request)
    case .credsList: return .answered(administration.credentials().map { .credential($0) }, to: request)
    case .credsSet: return try setCredential(request, peer)
    case .credsLogin: return try signIn(request, peer)
    case .credsTest: return try testCredential(request, peer)
    case .complete: return .paged(try CandidateSearch(self, request, level: peer.level))
    case .usersAdd, .usersPasswd, .usersDisable, .usersEnable, .usersRemove, .log, .spoolVerify, .spoolDump,
      .spoolRepair, .spoolAdopt, .help, .version:
      // `AdminRequest.command` lets only the daemon's commands through.
      preconditionFailure("'\(command.name.rawValue)' is no command of the daemon")
    }
  }

  private static let stopping = AdminError(
    "daemon.stopping", "busy: shutting down", context: ["nothing was changed"], exit: .temporary)
}
