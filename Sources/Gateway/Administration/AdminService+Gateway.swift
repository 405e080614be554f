// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import Crypto
import SMTP

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
    if let kind = request.args.kind, CredentialKind(rawValue: kind) == nil {
      let kinds = CredentialKind.allCases.map(\.rawValue).joined(separator: ", ")
      throw .usage("bad_value", "'kind' is one of \(kinds)")
    }
    let isTested = request.args.noTest != true
    let kind = request.args.kind.flatMap { CredentialKind(rawValue: $0) }
    return .awaited { completed in
      self.administration.setCredential(
        upstream, kind: kind, secret: Secret(secret), test: isTested, by: peer.user
      ) { result in
        completed(self.finish(result.mapError { $0.without(secret) }, for: request, from: peer))
      }
    }
  }

  /// The first half tells where to sign in, the second what became of it.
  func signIn(_ request: AdminRequest, _ peer: AdminPeer) throws(AdminError) -> AdminWork {
    let upstream = try name(request)
    guard request.args.wait == true else {
      return .awaited { completed in
        self.administration.beginSignIn(upstream, by: peer.user) { result in
          switch result {
          case .success(let reply):
            self.audit(AdminAction(peer, request, outcome: "a code was given, until \(reply.ends)"))
            completed([.data(id: request.id, .signIn(reply)), .end(id: request.id, exit: .ok)])
          case .failure(let error):
            self.audit(AdminAction(peer, request, outcome: "failed: \(TerminalText.escaped(error.message))"))
            completed([.failure(id: request.id, error)])
          }
        }
      }
    }
    return .awaited { completed in
      self.administration.awaitSignIn(upstream, by: peer.user) { result in
        completed(self.finish(result, for: request, from: peer))
      }
    }
  }

  func testCredential(_ request: AdminRequest, _ peer: AdminPeer) throws(AdminError) -> AdminWork {
    let upstream = try name(request)
    return .awaited { completed in
      self.administration.testCredential(upstream, by: peer.user) { result in
        switch result {
        case .success(let reply):
          completed([.data(id: request.id, .credentialChange(reply)), .end(id: request.id, exit: .ok)])
        case .failure(let error): completed([.failure(id: request.id, error)])
        }
      }
    }
  }

  private func finish(
    _ result: Result<CredentialChangeReply, AdminError>, for request: AdminRequest, from peer: AdminPeer
  ) -> [AdminReply] {
    switch result {
    case .success(let reply):
      audit(AdminAction(peer, request, outcome: "done: \(reply.credential) is in force"))
      return [.data(id: request.id, .credentialChange(reply)), .end(id: request.id, exit: .ok)]
    case .failure(let error):
      audit(AdminAction(peer, request, outcome: "failed: \(TerminalText.escaped(error.message))"))
      return [.failure(id: request.id, error)]
    }
  }

  /// What `route test` is about. An address in the place of a client is one.
  func delivery(_ request: AdminRequest) throws(AdminError) -> Configuration.Delivery {
    let args = request.args
    guard let from = args.from, let to = args.to else {
      throw .usage("missing_value", "'route test' needs --from ADDRESS and --to ADDRESS")
    }
    let isNull = from.isEmpty || from == "<>"
    guard let recipient = Address(to), let sender = isNull ? .some(nil) : Address(from).map(Optional.some) else {
      throw .usage("bad_value", "--from and --to want addresses such as bob@example.org")
    }
    var delivery = Configuration.Delivery(sender: sender, recipient: recipient, user: args.user)
    delivery.address = args.client.flatMap { IPAddress($0) }
    if delivery.address == nil { delivery.client = args.client }
    if let size = args.size {
      guard let octets = Self.octets(size) else { throw .usage("bad_value", "--size wants octets such as 300K or 25M") }
      delivery.octets = octets
    }
    return delivery
  }

  private static func octets(_ text: String) -> Int? {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
    guard let last = text.last, let unit = units[Character(last.uppercased())] else {
      return Int(text).flatMap { $0 < 0 ? nil : $0 }
    }
    return Int(text.dropLast()).flatMap { (0..<(1 << 30)).contains($0) ? $0 * unit : nil }
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
