// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Crypto

/// Pauses by hand, credentials and logins, as the console asks for them.
extension GatewayAdministration {
  func upstreamNames() -> [String] {
    gateway.settings.current.upstreams.map(\.name)
  }

  func pause(_ target: PauseTarget, until: Int64?, by: String, reason: String?) throws(AdminError) -> PauseReply {
    if let name = target.name { try check(upstream: name) }
    do {
      let (pause, isNew) = try gateway.pauses.pause(target, until: until, by: by, reason: reason)
      return PauseReply(
        verb: "pause", side: target.side, name: target.name, changed: isNew, pause: pause, notes: notes(on: target))
    } catch {
      throw notKept(error)
    }
  }

  func resume(_ target: PauseTarget, by: String) throws(AdminError) -> PauseReply {
    let ended: Pause?
    do {
      ended = try gateway.pauses.resume(target, by: by)
    } catch {
      throw notKept(error)
    }
    var reply = PauseReply(verb: "resume", side: target.side, name: target.name, changed: ended != nil, pause: nil)
    if let name = target.name {
      // One that is configured no more may be paused still.
      if ended == nil { try check(upstream: name) }
      probe(name, &reply)
    }
    if target != .incoming { noteOtherPauses(&reply) }
    return reply
  }

  /// An upstream that is left alone because of trouble is tried now: whoever resumes it has mended something.
  private func probe(_ name: String, _ reply: inout PauseReply) {
    guard let trouble = gateway.upstreamHealth[name].trouble else { return }
    reply.changed = true
    gateway.dispatcherLoop.execute { [gateway] in gateway.dispatcher.value.probe(name) }
    reply.notes.append("\(name) is tried again as soon as mail waits; last seen: \(trouble)")
  }

  private func noteOtherPauses(_ reply: inout PauseReply) {
    let current = gateway.pauses.current
    for pause in current.all where pause.side != "in" {
      reply.notes.append("still paused: \(pause.target), by \(pause.by); postern resume \(pause.target)")
    }
  }

  /// What the pause leaves to end by itself.
  private func notes(on target: PauseTarget) -> [String] {
    switch target {
    case .incoming:
      let sessions = gateway.sessionCount
      return sessions > 0 ? ["\(sessions) open sessions end now"] : []
    case .outgoing, .upstream:
      let sending = gateway.queue.summary(now: gateway.clock.now()).sending
      return sending > 0 ? ["\(sending) messages are being sent and end their attempt"] : []
    }
  }

  /// A pause that nobody ends is often one that was forgotten.
  static func warnings(of pauses: [Pause], now: Int64) -> [StatusReply.Warning] {
    pauses.filter { $0.until == nil && now - $0.since.milliseconds > forgottenMilliseconds }.map { pause in
      let hours = (now - pause.since.milliseconds) / 3_600_000
      return StatusReply.Warning(
        code: "pause.long",
        message: "\(pause.target) is paused for \(hours) h, by \(pause.by); postern resume \(pause.target)")
    }
  }

  private static let forgottenMilliseconds: Int64 = 86_400_000

  private func notKept(_ error: PauseError) -> AdminError {
    AdminError("pause.not_kept", "\(error); nothing is changed", hint: "postern status", exit: .temporary)
  }

  // MARK: credentials and logins

  func credentials() -> [CredentialReply] {
    gateway.settings.current.upstreams.compactMap(credential)
  }

  private func credential(_ settings: UpstreamSettings) -> CredentialReply? {
    let login = gateway.upstreamHealth.login(at: settings.name)
    var reply = CredentialReply(
      upstream: settings.name, kind: settings.oauth?.kind ?? settings.credential?.kind ?? "password",
      login: settings.upstream.username, state: "missing",
      lastSuccess: login.lastSuccess.map { Timestamp(milliseconds: $0) })
    if let keeper = gateway.tokens[settings.name] { describe(keeper, &reply) }
    let isRefused = gateway.upstreamHealth[settings.name].trouble?.kind == .login
    let state = isRefused ? "refused" : login.isProven ? "ok" : "unused"
    if settings.upstream.mechanism == .external, let identity = settings.tls.identity {
      reply.kind = "client certificate"
      reply.ends = Timestamp(milliseconds: identity.facts.notAfter * 1000)
      if settings.credential == nil { (reply.source, reply.state) = (identity.source, state) }
    }
    guard let credential = settings.credential else {
      if settings.upstream.mechanism == .external { return reply }
      guard settings.oauth != nil else { return nil }
      if reply.set != nil { reply.state = state }
      return reply
    }
    switch credential.source {
    case .missing: return reply
    case .file(let path, let modified, let owner):
      (reply.source, reply.set, reply.setBy) = (path, Timestamp(milliseconds: modified), owner)
    case .set(let by, let wall, _):
      (reply.source, reply.set, reply.setBy) = ("creds set", Timestamp(milliseconds: wall), by)
    }
    reply.state = state
    return reply
  }

  /// What is known of tokens; never one of them.
  private func describe(_ keeper: TokenKeeper, _ reply: inout CredentialReply) {
    let facts = keeper.facts
    reply.tokenEnds = facts.tokenEnds.map { Timestamp(milliseconds: $0) }
    reply.trouble = facts.trouble?.text.text
    if case .certificate(let identity) = keeper.server.client.proof {
      reply.ends = Timestamp(milliseconds: identity.notAfter * 1000)
    }
    guard let kept = facts.kept else { return }
    (reply.set, reply.setBy) = (Timestamp(milliseconds: kept.signedIn), kept.by.text)
    reply.source = "tokens"
    reply.account = kept.account?.text
    reply.renewed = Timestamp(milliseconds: kept.renewed)
  }

  func setCredential(
    _ upstream: String, kind: CredentialKind?, secret: Secret, test: Bool, by: String,
    completed: @escaping @Sendable (Result<CredentialChangeReply, AdminError>) -> Void
  ) {
    if let fault = nameFault(upstream) { return completed(.failure(fault)) }
    gateway.setCredential(upstream, kind: kind, secret: secret, test: test, by: by, completed: completed)
  }

  func beginSignIn(
    _ upstream: String, by: String, completed: @escaping @Sendable (Result<SignInReply, AdminError>) -> Void
  ) {
    if let fault = nameFault(upstream) { return completed(.failure(fault)) }
    gateway.beginSignIn(upstream, by: by, completed: completed)
  }

  func awaitSignIn(
    _ upstream: String, by: String, completed: @escaping @Sendable (Result<CredentialChangeReply, AdminError>) -> Void
  ) {
    if let fault = nameFault(upstream) { return completed(.failure(fault)) }
    gateway.awaitSignIn(upstream, by: by, completed: completed)
  }

  func testCredential(
    _ upstream: String, by: String, completed: @escaping @Sendable (Result<CredentialChangeReply, AdminError>) -> Void
  ) {
    if let fault = nameFault(upstream) { return completed(.failure(fault)) }
    gateway.testCredential(upstream, by: by, completed: completed)
  }

  func logins() -> [LoginReply] {
    gateway.settings.current.users.users.map { user in
      let last = gateway.logins.lastLogin(of: user.name)
      return LoginReply(
        user: user.name, disabled: user.isDisabled, lastLogin: last.map { Timestamp(milliseconds: $0.wall) },
        lastAddress: last?.address)
    }
  }

  func check(upstream name: String) throws(AdminError) {
    if let fault = nameFault(name) { throw fault }
  }

  /// nil: there is an upstream of that name.
  private func nameFault(_ name: String) -> AdminError? {
    let names = upstreamNames()
    if names.contains(name) { return nil }
    let suggestion = NearestName.of(name, among: names).map { ". Did you mean '\($0)'?" } ?? ""
    return AdminError(
      "upstream.unknown", "there is no upstream '\(TerminalText.escaped(name))'\(suggestion)", hint: "postern status",
      exit: .noInput)
  }
}
