// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Queue
import SMTP

/// Tries a login at the upstream on a connection of its own, which carries no mail and belongs to no pool: connect,
/// TLS, AUTH, QUIT. On the dispatcher's event loop.
final class LoginProbe: UpstreamConnectionDelegate {
  enum Verdict: Sendable {
    /// The upstream's reply, and how long it took from the first octet.
    case accepted(Reply?, milliseconds: Int64)
    case refused(UpstreamTrouble)
    /// It did not come to a verdict on the login.
    case untested(UpstreamTrouble)
  }

  private let verdict: EventLoopPromise<Verdict>
  private let eventLoop: any EventLoop
  private let began: NIODeadline
  private var connection: UpstreamHandler?
  private var isDecided = false

  private init(on eventLoop: any EventLoop) {
    verdict = eventLoop.makePromise()
    self.eventLoop = eventLoop
    began = eventLoop.now
  }

  /// With the login of `settings`. Ends within `Limits.loginProbeSeconds`.
  static func run(
    _ settings: UpstreamSettings, logins: any LoginSource, queue: MessageQueue, threads: any WorkerThreads,
    connector: any Connector, on eventLoop: any EventLoop
  ) -> EventLoopFuture<Verdict> {
    eventLoop.flatSubmit {
      let probe = LoginProbe(on: eventLoop)
      let bound = NIOLoopBound(probe, eventLoop: eventLoop)
      let timeout = eventLoop.scheduleTask(in: .seconds(Int64(Limits.loginProbeSeconds))) { bound.value.timedOut() }
      UpstreamHandler.connect(
        settings, logins: logins, queue: queue, threads: threads, connector: connector, on: eventLoop, delegate: probe
      ).whenComplete { bound.value.connected($0, to: settings) }
      return probe.verdict.futureResult.always { _ in timeout.cancel() }
    }
  }

  private func connected(_ result: Result<NIOLoopBound<UpstreamHandler>, any Error>, to settings: UpstreamSettings) {
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
    decide(trouble.isRefusalOfLogin ? .refused(trouble) : .untested(trouble))
  }
}
