// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Crypto

/// Commands about the gateway itself: pauses, credentials, the configuration. Each that changes something leaves its
/// line in the log, also if who asked has gone meanwhile.
extension AdminService {
  func pause(
    _ target: PauseTarget, until: Int64?, _ request: AdminRequest, _ peer: AdminPeer
  ) throws(AdminError) -> AdminWork {
    let reply = try administration.pause(target, until: until, by: peer.user, reason: request.args.reason)
    audit(AdminAction(peer, request, outcome: reply.changed ? "done" : "done: it was so before"))
    return .answered([.pause(reply)], to: request)
  }

  func resume(_ target: PauseTarget, _ request: AdminRequest, _ peer: AdminPeer) throws(AdminError) -> AdminWork {
    let reply = try administration.resume(target, by: peer.user)
    audit(AdminAction(peer, request, outcome: reply.changed ? "done" : "done: it was so before"))
    return .answered([.pause(reply)], to: request)
  }

  func reload(_ request: AdminRequest, _ peer: AdminPeer) -> AdminWork {
    .awaited { completed in
      self.administration.reload { reply in completed(self.finish(reply, for: request, from: peer)) }
    }
  }

  /// The secret goes from the request to the gateway and nowhere else: no error and no line of the log holds it.
  func setCredential(_ request: AdminRequest, _ peer: AdminPeer) throws(AdminError) -> AdminWork {
    let upstream = try name(request)
    guard let secret = request.args.secret?.text, !secret.isEmpty else {
      throw .usage("no_secret", "creds set needs the new secret", hint: "postern creds set \(upstream)")
    }
    let isTested = request.args.noTest != true
    return .awaited { completed in
      self.administration.setCredential(upstream, secret: Secret(secret), test: isTested, by: peer.user) { result in
        switch result {
        case .success(let reply):
          self.audit(AdminAction(peer, request, outcome: "done: \(reply.credential) is in force"))
          completed([.data(id: request.id, .credentialChange(reply)), .end(id: request.id, exit: .ok)])
        case .failure(let failure):
          let error = failure.without(secret)
          self.audit(AdminAction(peer, request, outcome: "failed: \(TerminalText.escaped(error.message))"))
          completed([.failure(id: request.id, error)])
        }
      }
    }
  }

  /// What a command about a thing with a name is about.
  func name(_ request: AdminRequest) throws(AdminError) -> String {
    guard let name = request.args.name, !name.isEmpty else {
      throw .usage("missing_argument", "'\(request.cmd)' needs a name")
    }
    return name
  }

  private func finish(_ reload: ReloadReply, for request: AdminRequest, from peer: AdminPeer) -> [AdminReply] {
    guard !reload.problems.isEmpty else {
      audit(AdminAction(peer, request, outcome: "done: generation \(reload.generation)"))
      return [.data(id: request.id, .reload(reload)), .end(id: request.id, exit: .ok)]
    }
    audit(AdminAction(peer, request, outcome: "failed: generation \(reload.generation) stays in force"))
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
}

extension AdminError {
  /// An upstream may repeat what it was told.
  fileprivate func without(_ secret: String) -> AdminError {
    // What is so short stands in many words, and would be given away by what is missing in them.
    guard secret.utf8.count >= 4 else { return self }
    var error = self
    error.message = message.replacing(secret, with: "<redacted>")
    error.context = context.map { $0.replacing(secret, with: "<redacted>") }
    error.hint = hint?.replacing(secret, with: "<redacted>")
    return error
  }
}
