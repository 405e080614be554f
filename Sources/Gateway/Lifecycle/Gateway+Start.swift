// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Queue
import Synchronization
import Systemd

/// How the gateway comes up: all parts, then the ports, then the word to systemd.
extension Gateway {
  /// Reads the spool, opens the ports, and tells systemd when all of it stands. `sockets` are those that systemd has
  /// opened for listeners and console.
  package static func start(
    configurationPath: String, settings: Settings, log: EventLog, clock: Clock = .system, notifier: Notifier,
    sockets: InheritedSockets = InheritedSockets(adopting: [])
  ) throws(GatewayError) -> Gateway {
    let gateway: Gateway
    do {
      gateway = try Gateway(
        configurationPath: configurationPath, settings: settings, log: log, clock: clock, notifier: notifier,
        sockets: sockets)
    } catch {
      // Another process may end, a disk may answer again; else a spool stays as it is until somebody mends it.
      if case QueueError.log(let reason) = error { throw GatewayError("\(error)", isLasting: !reason.mayPass) }
      throw GatewayError("\(error)", isLasting: true)
    }
    do {
      try gateway.listeners.open(settings.configuration)
      gateway.limitSessions()
      try gateway.openAdministration()
    } catch {
      gateway.takeDown()
      throw GatewayError("\(error)", isLasting: (error as? ListenError)?.isLasting ?? true)
    }
    gateway.dispatcherLoop.execute {
      gateway.dispatcher.value.run()
      gateway.notices.value.run()
      gateway.compactor.value.run()
    }
    gateway.warn()
    let waiting = gateway.queue.summary(now: clock.now()).messages
    log.report(
      .started(
        listeners: gateway.listeners.descriptions, upstreams: settings.upstreams.map(\.name), waiting: waiting))
    gateway.startHealth()
    return gateway
  }

  private func openAdministration() throws {
    let directory = settings.current.configuration.control.directory
    let log = log
    let clock = clock
    // The units name their sockets after the levels.
    let inherited = try Command.Level.allCases.map { (level: $0, sockets: try sockets.take($0.rawValue)) }
    let listener = try AdminListener.open(
      directory: directory,
      inherited: Dictionary(uniqueKeysWithValues: inherited.filter { !$0.sockets.isEmpty }), group: threads.console,
      administration: GatewayAdministration(gateway: self), now: { clock.now().wall },
      audit: { action in log.report(.adminAction(action)) })
    for problem in listener.problems { log.report(.controlSocketFailed("\(problem)")) }
    administration.withLock { $0 = listener }
  }
}
