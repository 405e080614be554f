// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import Systemd

/// What the gateway shows of itself to its `HealthMonitor`, which it stops before it ends.
extension Gateway {
  /// Tells systemd that we are ready, and from now on how we are.
  func startHealth() {
    let monitor = makeHealthMonitor(on: threads.health.next())
    let status = statusLine.description
    notifier.ready(status: status)
    monitor.start(said: status)
    health.withLock { $0 = monitor }
    spool.start(on: threads.health.next(), threads: threads.disk)
  }

  func stopHealth() {
    spool.stop()
    try? health.withLock { $0.take() }?.stop().wait()
  }

  var statusLine: StatusLine {
    StatusLine(
      queue: queue.summary(now: clock.now()),
      upstreams: settings.current.upstreams.map { ($0.name, upstreamHealth[$0.name]) }, pauses: pauses.current,
      spool: spool.facts.reply.state)
  }

  func makeHealthMonitor(on eventLoop: any EventLoop) -> HealthMonitor {
    let sessions = sessionLoops.enumerated().map { (name: "mail \($0.offset + 1)", eventLoop: $0.element.eventLoop) }
    let (dispatcher, log, notifier) = (dispatcher, queue.log, notifier)
    return HealthMonitor(
      parts: HealthMonitor.Parts(
        loops: sessions + [(name: "console", eventLoop: threads.console.next())], relayLoop: dispatcherLoop,
        relay: { dispatcher.value.look() },
        writer: {
          let progress = log.writerProgress
          return Watchdog.WriterLook(steps: progress.steps, hasWork: progress.hasWork)
        },
        status: { [unowned self] in statusLine.description }, say: { notifier.status($0) }, ping: { notifier.ping() },
        report: { [unowned self] in report($0) }),
      eventLoop: eventLoop, watchdogMilliseconds: Notifier.watchdogMilliseconds())
  }

  private func report(_ stall: Watchdog.Stall) {
    switch stall {
    case .loops(let names, let seconds): log.report(.loopsStalled(names, seconds: seconds))
    case .writer(let seconds): log.report(.writerStalled(seconds: seconds))
    case .mail(let upstream, let waiting, let seconds):
      log.report(.queueStalled(upstream: upstream, waiting: waiting, seconds: seconds))
    }
  }
}
