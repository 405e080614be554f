// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import NIOCore
import Queue
import SMTP
import TLS

/// The connections to the upstream: opened when mail waits, kept and reused, closed when idle, full or unwanted.
final class ConnectionPool: Carrier, UpstreamConnectionDelegate {
  /// An idle connection costs the provider something too; behind this time a new one is politer.
  static let idleSeconds: Int64 = 20

  private struct Connection {
    enum Phase {
      /// Until the dialogue stands.
      case opening
      case idle
      case busy
    }

    let handler: UpstreamHandler
    var phase = Phase.opening
    /// While it idles.
    var idleEnd = MovingDeadline()
  }

  private let settings: UpstreamSettings
  private let logins: any LoginSource
  private let queue: MessageQueue
  private let threads: any WorkerThreads
  private let connector: any Connector
  private let eventLoop: any EventLoop
  private unowned let delegate: any CarrierDelegate
  /// In the order in which they were opened.
  private var connections: [Connection] = []
  private var connecting = 0
  private var draining: EventLoopPromise<Void>?
  var oneFlight = SeededFault.flightUnproven ? OneFlight.allowed(lost: 0) : .untried

  init(
    settings: UpstreamSettings, logins: any LoginSource, queue: MessageQueue, threads: any WorkerThreads,
    connector: any Connector, eventLoop: any EventLoop, delegate: any CarrierDelegate
  ) {
    self.settings = settings
    self.logins = logins
    self.queue = queue
    self.threads = threads
    self.connector = connector
    self.eventLoop = eventLoop
    self.delegate = delegate
  }

  // MARK: what the dispatcher asks

  private var openConnections: Int { connections.count + connecting }

  func work(waiting: Int, connectionsMax: Int) {
    guard draining == nil else { return }
    var waiting = waiting
    for connection in connections where connection.phase == .idle && waiting > 0 {
      waiting -= 1
      offer(connection.handler)
    }
    // One that fails at once is not tried again: whoever hears of it decides when.
    let places = connectionsMax - openConnections + (SeededFault.oneConnectionMore ? 1 : 0)
    for _ in 0..<max(0, min(waiting - openingCount, places)) { open() }
  }

  func ask() {
    if draining == nil, openConnections == 0 { open() }
  }

  func hasRoom(waiting: Int, connectionsMax: Int) -> Bool {
    guard draining == nil, waiting > 0 else { return false }
    return connections.contains { $0.phase == .idle }
      || (waiting > openingCount && openConnections < connectionsMax)
  }

  private var openingCount: Int { connecting + connections.count { $0.phase == .opening } }

  func drain() -> EventLoopFuture<Void> {
    let promise = draining ?? eventLoop.makePromise(of: Void.self)
    draining = promise
    for connection in connections where connection.phase == .idle { connection.handler.quit() }
    checkDrained()
    return promise.futureResult
  }

  func closeAll() {
    for connection in connections { connection.handler.closeNow() }
    draining?.succeed()
  }

  // MARK: connections

  private func open() {
    connecting += 1
    let pool = NIOLoopBound(self, eventLoop: eventLoop)
    UpstreamHandler.connect(
      settings, logins: logins, queue: queue, threads: threads, connector: connector, on: eventLoop, delegate: self
    ).whenComplete { pool.value.opened($0) }
  }

  private func opened(_ result: Result<NIOLoopBound<UpstreamHandler>, any Error>) {
    connecting -= 1
    switch result {
    case .success(let handler):
      connections.append(Connection(handler: handler.value))
      if draining != nil { retire(handler.value) }
    case .failure(let error):
      report(.cannotConnect(settings.upstream, error))
      checkDrained()
    }
  }

  /// Gives the connection a message, or lets it idle.
  private func offer(_ handler: UpstreamHandler) {
    guard let index = index(of: handler) else { return }
    let limit = settings.upstream.maxPerConnection
    if draining != nil || (limit > 0 && handler.transactions >= limit) { return retire(handler) }
    guard let lease = delegate.nextLease() else {
      connections[index].phase = .idle
      connections[index].idleEnd.set(eventLoop.now + .seconds(Self.idleSeconds))
      return awaitIdleEnd(index)
    }
    connections[index].phase = .busy
    connections[index].idleEnd.clear()
    handler.deliver(lease)
  }

  private func awaitIdleEnd(_ index: Int) {
    guard let due = connections[index].idleEnd.due() else { return }
    let bound = NIOLoopBound((self, connections[index].handler), eventLoop: eventLoop)
    let scheduled = eventLoop.scheduleTask(deadline: due) {
      let (pool, handler) = bound.value
      pool.idleTimerFired(handler)
    }
    connections[index].idleEnd.replace(with: scheduled, at: due)
  }

  /// The connection may have had messages since that was scheduled.
  private func idleTimerFired(_ handler: UpstreamHandler) {
    guard let index = index(of: handler) else { return }
    if connections[index].idleEnd.fired(now: eventLoop.now) { retire(handler) } else { awaitIdleEnd(index) }
  }

  /// The connection has done its part.
  private func retire(_ handler: UpstreamHandler) {
    guard var known = remove(handler) else { return }
    known.idleEnd.cancel()
    handler.quit()
    if draining == nil { delegate.connectionRetired() }
    checkDrained()
  }

  private func index(of handler: UpstreamHandler) -> Int? {
    connections.firstIndex { $0.handler === handler }
  }

  private func remove(_ handler: UpstreamHandler) -> Connection? {
    index(of: handler).map { connections.remove(at: $0) }
  }

  /// A pool that drains belongs to settings that hold no more, and says nothing about the upstream of the new ones.
  private func report(_ trouble: UpstreamTrouble) {
    if draining == nil { delegate.troubled(trouble) }
  }

  private func checkDrained() {
    if openConnections == 0 { draining?.succeed() }
  }

  // MARK: what a connection reports

  func connectionReady(_ connection: UpstreamHandler) {
    if draining == nil { delegate.connected(afterTransaction: connection.transactions > 0) }
    if connection.transactions == 0 {
      if draining == nil {
        delegate.announced(connection.session.extensions)
        delegate.secured(connection.security)
      }
      if let login = connection.login { logins.accepted(login) }
    }
    offer(connection)
  }

  func connectionProgressed() {
    delegate.progressed()
  }

  func connectionFinished(_ connection: UpstreamHandler, _ lease: consuming Lease, _ results: [RecipientResult]) {
    delegate.finished(lease, results, connection.course)
  }

  func connectionUnreadable(_ connection: UpstreamHandler, _ lease: consuming Lease, _ reason: String) {
    delegate.contentUnreadable(lease, reason)
  }

  func connectionClosed(_ connection: UpstreamHandler, _ trouble: UpstreamTrouble?) {
    // Addresses that lost the race to another one are not ours.
    guard var known = remove(connection) else { return }
    known.idleEnd.cancel()
    if known.phase == .opening, draining == nil, let security = connection.security { delegate.secured(security) }
    if let trouble, trouble.isRefusalOfLogin, let login = connection.login { return loginRefused(login, trouble) }
    // An upstream may end a connection that has worked, at any time; a new one will tell whether it is ill.
    if let trouble, connection.transactions <= 1 || !trouble.isOfConnection {
      report(trouble)
    } else if draining == nil {
      delegate.connectionRetired()
    }
    checkDrained()
  }
}

extension ConnectionPool {
  /// A token may have ended before its time: then another one is tried, once, before the upstream is in trouble.
  private func loginRefused(_ login: ClientLogin, _ trouble: UpstreamTrouble) {
    connecting += 1
    let pool = NIOLoopBound(self, eventLoop: eventLoop)
    logins.refused(login, on: eventLoop).whenComplete { result in
      let pool = pool.value
      pool.connecting -= 1
      if case .success(true) = result {
        if pool.draining == nil { pool.delegate.connectionRetired() }
      } else {
        pool.report(trouble)
      }
      pool.checkDrained()
    }
  }
}

extension UpstreamTrouble {
  /// Says little about the upstream as a whole: the connection ended, or has carried its share.
  fileprivate var isOfConnection: Bool { kind == .unreachable || (kind == .busy && stage == "mail") }
}
