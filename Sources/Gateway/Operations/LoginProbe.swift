// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Queue
import SMTP

/// Tries a login at the upstream on a connection of its own, which carries no mail and belongs to no pool: connect,
/// TLS, AUTH, QUIT; once more with another token if the first is refused. On the dispatcher's event loop.
final class LoginProbe: UpstreamConnectionDelegate {
  enum Verdict: Sendable {
    /// The upstream's reply, and how long it took from the first octet.
    case accepted(Reply?, milliseconds: Int64)
    case refused(UpstreamTrouble)
    /// It did not come to a verdict on the login.
    case untested(UpstreamTrouble)
  }

  private let settings: UpstreamSettings
  private let logins: any LoginSource
  private let verdict: EventLoopPromise<Verdict>
  private let eventLoop: any EventLoop
  private let began: NIODeadline
  private let connect: (LoginProbe) -> EventLoopFuture<NIOLoopBound<UpstreamHandler>>
  private var connection: UpstreamHandler?
  private var isDecided = false
  private var isSecondTry = false

  private init(
    _ settings: UpstreamSettings, _ logins: any LoginSource, on eventLoop: any EventLoop,
    connect: @escaping (LoginProbe) -> EventLoopFuture<NIOLoopBound<UpstreamHandler>>
  ) {
    self.settings = settings
    self.logins = logins
    verdict = eventLoop.makePromise()
    self.eventLoop = eventLoop
    began = eventLoop.now
    self.connect = connect
  }

  /// With the login of `settings`. Ends within `Limits.loginProbeSeconds`.
  static func run(
    _ settings: UpstreamSettings, logins: any LoginSource, queue: MessageQueue, threads: any WorkerThreads,
    connector: any Connector, on eventLoop: any EventLoop
  ) -> EventLoopFuture<Verdict> {
    eventLoop.flatSubmit {
      let probe = LoginProbe(settings, logins, on: eventLoop) { probe in
        UpstreamHandler.connect(
          settings, logins: logins, queue: queue, threads: threads, connector: connector, on: eventLoop,
          delegate: probe)
      }
      let bound = NIOLoopBound(probe, eventLoop: eventLoop)
      let timeout = eventLoop.scheduleTask(in: .seconds(Int64(Limits.loginProbeSeconds))) { bound.value.timedOut() }
      probe.begin()
      return probe.verdict.futureResult.always { _ in timeout.cancel() }
    }
  }

  private func begin() {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    connect(self).whenComplete { bound.value.connected($0) }
  }

  private func connected(_ result: Result<NIOLoopBound<UpstreamHandler>, any Error>) {
    switch result {
    case .success(let handler):
      connection = handler.value
      if isDecided { handler.value.closeNow() }
    case .failure(let error):
      let trouble = UpstreamTrouble.cannotConnect(settings.upstream, error)
      // An authorization server that gives no token has come to a verdict too.
      decide(trouble.kind == .login ? .refused(trouble) : .untested(trouble))
    }
  }

  private func timedOut() {
    let text = "no answer within \(Limits.loginProbeSeconds) s"
    decide(.untested(UpstreamTrouble(.unreachable, at: connection == nil ? "connect" : "auth", text)))
    connection?.closeNow()
  }

  private func decide(_ verdict: Verdict) {
    guard !isDecided else { return }
    isDecided = true
    self.verdict.succeed(verdict)
  }

  // MARK: what the connection reports

  func connectionReady(_ connection: UpstreamHandler) {
    guard connection === self.connection else { return }
    let milliseconds = (eventLoop.now - began).nanoseconds / 1_000_000
    if let login = connection.login { logins.accepted(login) }
    decide(.accepted(connection.loginReply, milliseconds: milliseconds))
    connection.quit()
  }

  /// It is given no message, so it moves and finishes none.
  func connectionProgressed() {}

  /// And is not the place to find out how to.
  var oneFlight: OneFlight {
    get { .forbidden }
    set {}
  }

  func connectionFinished(_ connection: UpstreamHandler, _ lease: consuming Lease, _ results: [RecipientResult]) {
    _ = consume lease
  }

  func connectionUnreadable(_ connection: UpstreamHandler, _ lease: consuming Lease, _ reason: String) {
    _ = consume lease
  }

  func connectionClosed(_ connection: UpstreamHandler, _ trouble: UpstreamTrouble?) {
    // Addresses that lost the race to another one say nothing.
    guard connection === self.connection else { return }
    self.connection = nil
    let trouble = trouble ?? UpstreamTrouble(.unreachable, at: "auth", "the upstream closed the connection")
    guard trouble.isRefusalOfLogin else { return decide(.untested(trouble)) }
    guard let login = connection.login else { return decide(.refused(trouble)) }
    // As mail would: a token that is refused is used no more, and the next one may fare better.
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    logins.refused(login, on: eventLoop).whenComplete { result in
      let probe = bound.value
      guard case .success(true) = result, !probe.isSecondTry, !probe.isDecided else {
        return probe.decide(.refused(trouble))
      }
      probe.isSecondTry = true
      probe.begin()
    }
  }
}
