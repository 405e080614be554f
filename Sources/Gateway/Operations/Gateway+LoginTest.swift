// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import NIOCore
import Queue
import SMTP

/// Trying a login out on a connection of its own: one that is in force, or one that shall be.
extension Gateway {
  /// `completed` is called once, on any thread, within about `Limits.loginProbeSeconds`.
  func probe(
    _ settings: UpstreamSettings, _ logins: any LoginSource, completed: @escaping @Sendable (LoginProbe.Verdict) -> Void
  ) {
    LoginProbe.run(
      settings, logins: logins, queue: queue, threads: threads.relay, connector: connector, on: dispatcherLoop
    ).whenComplete { result in
      switch result {
      case .success(let verdict): completed(verdict)
      case .failure(let error): completed(.untested(UpstreamTrouble(.unreachable, at: "connect", "\(error)")))
      }
    }
  }

  /// `creds test`: the login that is in force. Nothing changes, but an upstream that is paused because of it goes on if it
  /// works.
  func testCredential(_ upstream: String, by: String, completed: @escaping @Sendable (CredentialResult) -> Void) {
    guard let settings = settings.current.upstream(named: upstream), settings.logsIn || settings.credential != nil
    else {
      return completed(
        .failure(
          AdminError(
            "creds.unused", "upstream \(upstream) takes mail without a login", hint: "postern status", exit: .noInput)))
    }
    if let trouble = settings.credentialTrouble { return completed(.failure(.loginFails(upstream, trouble))) }
    guard !isProbing.exchange(true, ordering: .acquiringAndReleasing) else {
      return completed(
        .failure(AdminError("creds.busy", "another login is being tried at this moment", exit: .temporary)))
    }
    // The keeper that mail has, and no other: to ask for one of these settings might replace it.
    let keeper = tokens[upstream]
    guard settings.oauth == nil || keeper != nil else {
      isProbing.store(false, ordering: .releasing)
      return completed(
        .failure(
          AdminError(
            "creds.changed", "upstream \(upstream) is being configured anew", hint: "postern creds test \(upstream)",
            exit: .temporary)))
    }
    let logins: any LoginSource = settings.oauth == nil ? FixedLogin(settings.login) : keeper!
    probe(settings, logins) { verdict in
      self.isProbing.store(false, ordering: .releasing)
      switch verdict {
      case .accepted(let reply, let milliseconds):
        let released = self.countHeldBack(at: upstream)
        self.loginWorks(upstream, isProven: true)
        var change = CredentialChangeReply(
          upstream: upstream, credential: settings.credential?.name ?? "\(upstream).token", tested: true,
          reply: reply?.description, milliseconds: Int(milliseconds), released: released, live: true)
        change.verb = "test"
        completed(.success(change))
      case .refused(let trouble), .untested(let trouble): completed(.failure(.loginFails(upstream, trouble)))
      }
    }
  }

  /// How many messages may leave when the login of an upstream that is in trouble works. Asked before anything of that
  /// is told to others, who are quick.
  func countHeldBack(at upstream: String) -> Int {
    let isPaused = pauses.current.outgoing(through: upstream) != nil
    return isPaused || upstreamHealth[upstream].trouble == nil ? 0 : readyCount(through: upstream)
  }

  /// The login at an upstream works, as far as anybody knows: a pause because of it is over.
  func loginWorks(_ upstream: String, isProven: Bool) {
    if isProven { upstreamHealth.loginAccepted(at: upstream, wall: clock.now().wall) }
    dispatcherLoop.execute { self.dispatcher.value.loginWorks(upstream, isTried: isProven) }
  }

  /// Messages that are ready and that it may carry.
  func readyCount(through upstream: String) -> Int {
    let ways = settings.current.routes.ways + detours.all.map(\.way)
    return queue.readyCount(through: upstream, of: ways, now: clock.now())
  }
}

extension AdminError {
  fileprivate static func loginFails(_ upstream: String, _ trouble: UpstreamTrouble) -> AdminError {
    AdminError(
      "creds.fails", "cannot log in at \(upstream): \(trouble)", context: ["mail for \(upstream) is kept"],
      hint: "postern why \(upstream)", exit: trouble.kind == .login ? .no : .temporary)
  }
}
