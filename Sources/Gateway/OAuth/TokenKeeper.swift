// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import OAuth
import Queue
import SMTP
import Synchronization

/// Carries out what a `TokenLife` decides for one upstream: asks the server, has the store write, keeps the time, gives
/// tokens to connections. On an event loop that serves no mail; anybody may call it. What belongs to a sign-in it reads,
/// uses and writes in its turn.
final class TokenKeeper: LoginSource {
  /// What it tells whoever looks after the upstream.
  enum News: Sendable {
    /// No mail can leave although none has asked: somebody has to do something.
    case trouble(UpstreamTrouble)
    /// What it told last is over.
    case works
  }

  /// What `creds list` shows.
  struct Facts: Sendable {
    var kept: KeptGrant?
    var trouble: TokenTrouble?
    /// Wall milliseconds.
    var tokenEnds: Int64?
  }

  private struct State {
    var life: TokenLife
    var waiting: [EventLoopPromise<ClientLogin?>] = []
    var timer: Scheduled<Void>?
    /// Of the request under way; an answer to an older one counts for nothing. Of the write likewise.
    var request = 0
    var write = 0
    var isTroubled = false
    var hasBegun = false
    var isStopped = false
    /// Requests, writes, and waits for the turn; also those whose outcome counts for nothing.
    var underWay = 0
    /// The sign-in is this keeper's to use, until nothing is under way.
    var hasTurn = false
    var forTurn: [() -> Void] = []
    var atRest: [EventLoopPromise<Void>] = []
  }

  let upstream: String
  private let currentServer: Mutex<TokenServer>
  private let username: String?
  private let mechanism: ClientMechanism?
  private let store: TokenStore
  private let threads: any WorkerThreads
  private let clock: Clock
  private let eventLoop: any EventLoop
  private let news: @Sendable (News) -> Void
  private let state: NIOLoopBoundBox<State>
  private let published: Mutex<Facts>

  init(
    upstream: String, username: String?, mechanism: ClientMechanism?, server: TokenServer, store: TokenStore,
    threads: any WorkerThreads, clock: Clock, eventLoop: any EventLoop, news: @escaping @Sendable (News) -> Void
  ) {
    self.upstream = upstream
    self.username = username
    self.mechanism = mechanism
    currentServer = Mutex(server)
    self.store = store
    self.threads = threads
    self.clock = clock
    self.eventLoop = eventLoop
    self.news = news
    let (kept, lack) = Self.remembered(for: upstream, server.client, store)
    let life = TokenLife(
      server.client, upstream: upstream, kept: kept, lack: lack, now: clock.now().moment, jitter: SecureRandom.number())
    state = .makeBoxSendingValue(State(life: life), eventLoop: eventLoop)
    published = Mutex(Facts(kept: kept, trouble: life.standingTrouble))
    eventLoop.execute { self.begin() }
  }

  /// The sign-in that the store has, if it is for this server and application.
  private static func remembered(
    for upstream: String, _ client: OAuthClient, _ store: TokenStore
  ) -> (KeptGrant?, TokenTrouble?) {
    guard client.flow == .device else { return (nil, nil) }
    let (grant, damage) = store.grant(for: upstream)
    let remedy = "sign in again: \(client.signInCommand(upstream))"
    if let damage {
      return (nil, TokenTrouble(isLasting: true, "the sign-in cannot be read back: \(damage); \(remedy)"))
    }
    guard let grant else { return (nil, nil) }
    guard grant.isFor(client.settings) else {
      return (
        nil,
        TokenTrouble(isLasting: true, "the sign-in is for another application or server than oauth says; \(remedy)")
      )
    }
    return (grant, nil)
  }

  /// As it is asked now.
  var server: TokenServer { currentServer.withLock { $0 } }

  /// From the next request on. The client is the same; whom it trusts may have changed.
  func adopt(_ server: TokenServer) { currentServer.withLock { $0 = server } }

  /// Whether tokens of this client, for this user, are what it has.
  func serves(_ client: OAuthClient, username: String?, mechanism: ClientMechanism?) -> Bool {
    server.client == client && self.username == username && self.mechanism == mechanism
  }

  var facts: Facts { published.withLock { $0 } }

  // MARK: what connections ask

  func login(on caller: any EventLoop) -> EventLoopFuture<ClientLogin?> {
    let promise = caller.makePromise(of: ClientLogin?.self)
    eventLoop.execute {
      guard !self.state.value.isStopped else { return promise.fail(Self.stopping) }
      self.state.value.waiting.append(promise)
      if self.state.value.hasBegun { self.execute(self.state.value.life.wanted(now: self.now)) }
    }
    return promise.futureResult
  }

  func accepted(_ login: ClientLogin) {
    guard case .token(let token) = login.secret else { return }
    eventLoop.execute { self.state.value.life.accepted(token) }
  }

  func refused(_ login: ClientLogin, on caller: any EventLoop) -> EventLoopFuture<Bool> {
    guard case .token(let token) = login.secret else { return caller.makeSucceededFuture(false) }
    return eventLoop.submit { self.state.value.life.rejected(token) }.hop(to: caller)
  }

  /// The login of a token that somebody else has got, to be tried out.
  func login(with token: Secret) -> ClientLogin {
    ClientLogin(name: username ?? "", token: token, mechanism: mechanism)
  }

  // MARK: what the admin does

  /// Somebody has signed in: this counts from now on. Succeeds when it is durable and in force.
  func adopt(_ kept: KeptGrant, _ grant: TokenGrant) -> EventLoopFuture<ClientLogin?> {
    let promise = eventLoop.makePromise(of: ClientLogin?.self)
    eventLoop.execute {
      self.withTurn {
        guard !self.state.value.isStopped else { return promise.fail(Self.stopping) }
        self.state.value.request += 1
        self.state.value.waiting.append(promise)
        self.execute(self.state.value.life.signedIn(kept, grant))
      }
    }
    return promise.futureResult
  }

  /// Takes no further part; who waits hears so. What the server gives for a request under way is kept all the same, or
  /// the refresh token that it replaced would be all that is left. Succeeds when that is done.
  @discardableResult
  func stop() -> EventLoopFuture<Void> {
    let promise = eventLoop.makePromise(of: Void.self)
    eventLoop.execute {
      self.state.value.isStopped = true
      self.state.value.timer?.cancel()
      let waiting = self.state.value.waiting
      self.state.value.waiting = []
      for promise in waiting { promise.fail(Self.stopping) }
      // An application's token is lost without harm.
      if self.state.value.underWay == 0 || self.server.client.flow == .application { return promise.succeed() }
      self.state.value.atRest.append(promise)
    }
    return promise.futureResult
  }

  static let stopping = UpstreamTrouble(.unreachable, at: "token", "the login is configured anew")

  // MARK: turns

  /// Does something with the sign-in when nobody else does. Where the application itself logs in there is none.
  private func withTurn(_ work: @escaping () -> Void) {
    state.value.underWay += 1
    guard server.client.flow == .device, !state.value.hasTurn else {
      work()
      return ended()
    }
    state.value.forTurn.append(work)
    guard state.value.forTurn.count == 1 else { return }
    store.turns.take(upstream) {
      self.eventLoop.execute {
        self.state.value.hasTurn = true
        let works = self.state.value.forTurn
        self.state.value.forTurn = []
        for work in works {
          work()
          self.ended()
        }
      }
    }
  }

  private func ended() {
    state.value.underWay -= 1
    guard state.value.underWay == 0 else { return }
    if state.value.hasTurn {
      state.value.hasTurn = false
      store.turns.end(upstream)
    }
    let atRest = state.value.atRest
    state.value.atRest = []
    for promise in atRest { promise.succeed() }
  }

  // MARK: what the life decides

  private func begin() {
    withTurn {
      guard !self.state.value.isStopped else { return }
      // Another keeper may have written meanwhile.
      let (kept, lack) = Self.remembered(for: self.upstream, self.server.client, self.store)
      self.state.value.life = TokenLife(
        self.server.client, upstream: self.upstream, kept: kept, lack: lack, now: self.now,
        jitter: SecureRandom.number())
      self.state.value.hasBegun = true
      self.publish()
      if let trouble = self.state.value.life.standingTrouble { self.tell(trouble) }
      if self.state.value.waiting.isEmpty {
        self.schedule()
      } else {
        self.execute(self.state.value.life.wanted(now: self.now))
      }
    }
  }

  private func execute(_ action: TokenLife.Action) {
    // Whoever is told something finds it so.
    publish()
    switch action {
    case .wait: break
    case .answer(let answer): give(answer)
    case .request(let request): ask(request)
    case .keep(let grant): keep(grant)
    }
    schedule()
  }

  private func ask(_ request: TokenRequest) {
    state.value.request += 1
    let number = state.value.request
    withTurn {
      guard self.state.value.request == number, !self.state.value.isStopped else { return }
      self.send(self.newest(request), number)
    }
  }

  /// The same request with the refresh token that is kept now: another keeper may have used the one that we know.
  private func newest(_ request: TokenRequest) -> TokenRequest {
    let client = server.client
    guard case .refresh(let known) = request, let grant = store.grant(for: upstream).grant,
      grant.isFor(client.settings), grant.refreshToken != known
    else { return request }
    return state.value.life.found(grant)
  }

  private func send(_ request: TokenRequest, _ number: Int) {
    state.value.underWay += 1
    server.token(request, on: eventLoop).whenSuccess { result in
      defer { self.ended() }
      guard self.state.value.request == number else { return }
      let (now, jitter) = (self.now, SecureRandom.number())
      switch result {
      case .success(let grant): self.execute(self.state.value.life.received(grant, now: now, jitter: jitter))
      case .failure(.refused(let refusal)):
        self.execute(self.state.value.life.refused(refusal, now: now, jitter: jitter))
      case .failure(.unanswered(let reason)):
        self.execute(self.state.value.life.unanswered(reason, now: now, jitter: jitter))
      }
    }
  }

  private func keep(_ grant: KeptGrant) {
    state.value.write += 1
    let number = state.value.write
    withTurn { self.write(grant, number) }
  }

  private func write(_ grant: KeptGrant, _ number: Int) {
    state.value.underWay += 1
    threads.run(on: eventLoop) { [store] in try store.keep(grant) }.whenComplete { result in
      defer { self.ended() }
      // Somebody has signed in meanwhile, and that is being written.
      guard self.state.value.write == number else { return }
      // A disk that took it has it, whoever stops meanwhile.
      let (now, jitter) = (self.now, SecureRandom.number())
      switch result {
      case .success: self.execute(self.state.value.life.kept(now: now, jitter: jitter))
      case .failure(let error): self.execute(self.state.value.life.notKept("\(error)", now: now, jitter: jitter))
      }
    }
  }

  private func give(_ answer: TokenLife.Answer) {
    guard !state.value.isStopped else { return }
    let waiting = state.value.waiting
    state.value.waiting = []
    switch answer {
    case .token(let token):
      if state.value.isTroubled {
        state.value.isTroubled = false
        news(.works)
      }
      for promise in waiting { promise.succeed(login(with: token)) }
    case .trouble(let trouble):
      for promise in waiting { promise.fail(UpstreamTrouble(trouble)) }
      // What may pass is looked at again before anybody need hear of it.
      if waiting.isEmpty, trouble.isLasting { tell(trouble) } else { state.value.isTroubled = true }
    }
  }

  private func tell(_ trouble: TokenTrouble) {
    state.value.isTroubled = true
    news(.trouble(UpstreamTrouble(trouble)))
  }

  private func publish() {
    let life = state.value.life
    published.withLock {
      $0 = Facts(kept: life.kept, trouble: life.standingTrouble ?? life.trouble, tokenEnds: life.tokenEnds)
    }
  }

  private func schedule() {
    state.value.timer?.cancel()
    state.value.timer = nil
    guard !state.value.isStopped, let due = state.value.life.wakeUp else { return }
    // A clock that is set must not be waited for; a look costs nothing.
    let rest = min(max(due - now.monotonic, 1), 3_600_000)
    state.value.timer = eventLoop.scheduleTask(in: .milliseconds(rest)) {
      self.execute(self.state.value.life.timePassed(now: self.now))
    }
  }

  private var now: Moment { clock.now().moment }
}

extension Instant {
  var moment: Moment { Moment(wall: wall, monotonic: monotonic) }
}

extension UpstreamTrouble {
  init(_ trouble: TokenTrouble) {
    self.init(trouble.isLasting ? .login : .unreachable, at: "token", trouble.text)
  }
}
