// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import OAuth

/// Carries out what a `DeviceLogin` decides, for one person who signs in. The console asks twice: for the code, and for
/// what became of it; in between it may go away and come back.
final class SignIn: Sendable {
  private struct State {
    var login: DeviceLogin
    var timer: Scheduled<Void>?
    var isOver = false
  }

  let by: String
  private let server: TokenServer
  private let clock: Clock
  private let eventLoop: any EventLoop
  private let state: NIOLoopBoundBox<State>
  private let codePromise: EventLoopPromise<DeviceCode>
  private let grantPromise: EventLoopPromise<TokenGrant>

  init(_ server: TokenServer, upstream: String, by: String, clock: Clock, eventLoop: any EventLoop) {
    self.server = server
    self.by = by
    self.clock = clock
    self.eventLoop = eventLoop
    state = .makeBoxSendingValue(State(login: DeviceLogin(upstream: upstream)), eventLoop: eventLoop)
    codePromise = eventLoop.makePromise()
    grantPromise = eventLoop.makePromise()
  }

  /// Both fail with a `TokenTrouble`.
  var code: EventLoopFuture<DeviceCode> { codePromise.futureResult }
  var grant: EventLoopFuture<TokenGrant> { grantPromise.futureResult }

  func begin() {
    eventLoop.execute { self.execute(self.state.value.login.begin()) }
  }

  func cancel() {
    eventLoop.execute { self.end(TokenTrouble(isLasting: true, "another sign-in took its place")) }
  }

  private func execute(_ action: DeviceLogin.Action) {
    guard !state.value.isOver else { return }
    switch action {
    case .wait: break
    case .request(let request): ask(request)
    case .show(let code): codePromise.succeed(code)
    case .done(let grant): grantPromise.succeed(grant)
    case .failed(let trouble): end(trouble)
    }
    schedule()
  }

  private func ask(_ request: TokenRequest) {
    if request == .deviceCode {
      server.deviceCode(on: eventLoop).whenSuccess { result in
        self.heard(result) { self.state.value.login.offered($0, now: self.now) }
      }
    } else {
      server.token(request, on: eventLoop).whenSuccess { result in
        self.heard(result) { self.state.value.login.received($0) }
      }
    }
  }

  private func heard<Reply>(
    _ result: Result<Reply, TokenServer.Failure>, _ received: (Reply) -> DeviceLogin.Action
  ) {
    switch result {
    case .success(let reply): execute(received(reply))
    case .failure(.refused(let refusal)): execute(state.value.login.refused(refusal, now: now))
    case .failure(.unanswered(let reason)): execute(state.value.login.unanswered(reason, now: now))
    }
  }

  private func end(_ trouble: TokenTrouble) {
    state.value.isOver = true
    state.value.timer?.cancel()
    codePromise.fail(trouble)
    grantPromise.fail(trouble)
  }

  private func schedule() {
    state.value.timer?.cancel()
    guard !state.value.isOver, let due = state.value.login.wakeUp else { return }
    state.value.timer = eventLoop.scheduleTask(in: .milliseconds(max(1, due - now))) {
      self.execute(self.state.value.login.timePassed(now: self.now))
    }
  }

  private var now: Int64 { clock.now().monotonic }
}
