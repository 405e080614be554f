// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import NIOCore
import OAuth
import SMTP
import Synchronization
import TLS

/// The keepers of all upstreams that log in with tokens, by name; what a reload leaves as it was keeps its tokens.
final class TokenKeepers: Sendable {
  typealias Effect = @Sendable (_ upstream: String, _ news: TokenKeeper.News) -> Void

  private struct State {
    var keepers: [String: TokenKeeper] = [:]
    var signIns: [String: SignIn] = [:]
    /// Upstreams whose keeper does not stay.
    var stale: Set<String> = []
    var effect: Effect?
    /// Before there is somebody to hear it.
    var untold: [(String, TokenKeeper.News)] = []
  }

  private let store: TokenStore
  private let http: HTTPSClient
  private let threads: any WorkerThreads
  private let clock: Clock
  private let eventLoop: any EventLoop
  private let state = Mutex(State())

  init(
    store: TokenStore, http: HTTPSClient, threads: any WorkerThreads, clock: Clock, eventLoop: any EventLoop
  ) {
    self.store = store
    self.http = http
    self.threads = threads
    self.clock = clock
    self.eventLoop = eventLoop
  }

  /// From now on `effect` hears what happens to a login while no connection asks for it, and what has happened already.
  func start(_ effect: @escaping Effect) {
    let untold = state.withLock { state in
      state.effect = effect
      defer { state.untold = [] }
      return state.untold
    }
    for (upstream, news) in untold { effect(upstream, news) }
  }

  /// Succeeds when what servers have given is kept.
  func stop() -> EventLoopFuture<Void> {
    let (keepers, signIns) = state.withLock { ($0.keepers.values, $0.signIns.values) }
    for signIn in signIns { signIn.cancel() }
    return EventLoopFuture.andAllComplete(keepers.map { $0.stop() }, on: eventLoop)
  }

  // MARK: logins

  func source(for settings: UpstreamSettings) -> any LoginSource {
    guard let client = settings.oauth else { return FixedLogin(settings.login) }
    let upstream = settings.upstream
    return state.withLock { state in
      let old = state.keepers[upstream.name]
      let isStale = state.stale.remove(upstream.name) != nil
      if let old, !isStale, old.serves(client, username: upstream.username, mechanism: settings.tokenMechanism) {
        old.adopt(server(settings, client))
        return old
      }
      // First, so that the new one finds what the old one still writes.
      old?.stop()
      let new = makeKeeper(settings, client)
      state.keepers[upstream.name] = new
      return new
    }
  }

  /// Of an upstream that logs in with tokens.
  subscript(upstream: String) -> TokenKeeper? { state.withLock { $0.keepers[upstream] } }

  /// What the keeper of this upstream thinks of its sign-in is disproved: the next `source` begins anew.
  func renew(_ upstream: String) {
    state.withLock { _ = $0.stale.insert(upstream) }
  }

  /// One that serves nobody else, to try a client out.
  func trial(_ settings: UpstreamSettings, _ client: OAuthClient) -> TokenKeeper {
    makeKeeper(settings, client, news: { _ in })
  }

  /// Those of upstreams that are configured no more end.
  func retain(_ upstreams: [String]) {
    let ended = state.withLock { state in
      let ended = state.keepers.filter { !upstreams.contains($0.key) }
      for name in ended.keys { state.keepers[name] = nil }
      return ended.values
    }
    for keeper in ended { keeper.stop() }
  }

  private func makeKeeper(
    _ settings: UpstreamSettings, _ client: OAuthClient, news: (@Sendable (TokenKeeper.News) -> Void)? = nil
  ) -> TokenKeeper {
    let upstream = settings.upstream
    let name = upstream.name
    return TokenKeeper(
      upstream: name, username: upstream.username, mechanism: settings.tokenMechanism,
      server: server(settings, client), store: store, threads: threads, clock: clock, eventLoop: eventLoop,
      news: news ?? { [weak self] in self?.tell($0, of: name) })
  }

  private func server(_ settings: UpstreamSettings, _ client: OAuthClient) -> TokenServer {
    TokenServer(client: client, tls: settings.tokenTLS, http: http, clock: clock)
  }

  private func tell(_ news: TokenKeeper.News, of upstream: String) {
    let effect = state.withLock { state in
      if state.effect == nil { state.untold.append((upstream, news)) }
      return state.effect
    }
    effect?(upstream, news)
  }

  // MARK: signing in

  /// Begins a sign-in with a code; one that was under way for the same upstream ends.
  func signIn(_ keeper: TokenKeeper, by: String) -> SignIn {
    let new = SignIn(keeper.server, upstream: keeper.upstream, by: by, clock: clock, eventLoop: eventLoop)
    let old = state.withLock { state in
      defer { state.signIns[keeper.upstream] = new }
      return state.signIns[keeper.upstream]
    }
    old?.cancel()
    new.begin()
    return new
  }

  func signInUnderWay(_ upstream: String) -> SignIn? { state.withLock { $0.signIns[upstream] } }
}
