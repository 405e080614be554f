// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Queue
import SMTP
import WAL

/// Decides when mail leaves: takes messages that are due from the queue, gives them to the carrier, records what became
/// of them, and keeps the upstream's health.
///
/// Lives on one event loop: every method is called there. `WakeUp` reaches it from elsewhere.
package final class Dispatcher: CarrierDelegate {
  /// What the dispatcher works with, apart from the settings that a reload changes.
  package struct Parts {
    package var queue: MessageQueue
    package var connector: any Connector
    package var threads: any WorkerThreads
    package var clock: Clock
    /// Any number, for jitter.
    package var random: () -> UInt64
    package var log: EventLog

    package init(
      queue: MessageQueue, connector: any Connector, threads: any WorkerThreads, clock: Clock,
      random: @escaping () -> UInt64, log: EventLog
    ) {
      self.queue = queue
      self.connector = connector
      self.threads = threads
      self.clock = clock
      self.random = random
      self.log = log
    }
  }

  private let parts: Parts
  private let eventLoop: any EventLoop
  private let board: HealthBoard
  private var settings: Settings
  private var breaker = Breaker()
  private var carrier: (any Carrier)?
  /// Carriers of older settings, until their last message is done.
  private var retiring: [any Carrier] = []
  private var hasConnected = false
  /// From here on lifetimes stand still and it is not recorded; monotonic milliseconds.
  private var standstillFrom: Int64?
  private var timer: Scheduled<Void>?
  private var isRunning = false
  private var isStopping = false

  package init(parts: Parts, settings: Settings, eventLoop: any EventLoop, wakeUp: WakeUp, board: HealthBoard) {
    self.parts = parts
    self.settings = settings
    self.eventLoop = eventLoop
    self.board = board
    carrier = makeCarrier()
    wakeUp.attach(self)
  }

  // MARK: what the gateway asks

  /// Something changed: gives work to the carrier, and sets the time of the next look.
  package func run() {
    // Work may end at once and ask for more: one round at a time.
    guard !isStopping, !isRunning else { return }
    isRunning = true
    defer { isRunning = false }
    let now = parts.clock.now()
    if let probe = breaker.nextProbe, probe <= now.monotonic { breaker.probe() }
    // Until the first login was accepted there is one, so that a wrong password is not tried many times at once.
    let configured = hasConnected ? settings.configuration.upstream.maxConnections : 1
    let connections = breaker.connectionsMax(configured, now: now.monotonic)
    let waiting = parts.queue.readyCount(now: now)
    if waiting > 0, connections > 0 { carrier?.work(waiting: waiting, connectionsMax: connections) }
    schedule(now)
  }

  /// New settings hold for the next message; what is under way ends as it began.
  package func replace(_ new: Settings) {
    let old = carrier
    // Whoever reloads has mended something, here or at the provider.
    breaker.reset(now: parts.clock.now().monotonic)
    settings = new
    hasConnected = false
    carrier = makeCarrier()
    if let old {
      retiring.append(old)
      let bound = NIOLoopBound((self, old), eventLoop: eventLoop)
      old.drain().whenComplete { _ in
        let (dispatcher, old) = bound.value
        dispatcher.retiring.removeAll { $0 === old }
      }
    }
    run()
  }

  /// Succeeds when the last delivery that is under way is recorded.
  package func stop() -> EventLoopFuture<Void> {
    isStopping = true
    timer?.cancel()
    noteStandstill(until: nil)
    let carriers = retiring + (carrier.map { [$0] } ?? [])
    return EventLoopFuture.andAllComplete(carriers.map { $0.drain() }, on: eventLoop)
  }

  package func closeAll() {
    for carrier in retiring { carrier.closeAll() }
    carrier?.closeAll()
  }

  // MARK: what the carrier asks and reports

  func nextLease() -> Lease? {
    guard !isStopping else { return nil }
    let now = parts.clock.now()
    guard breaker.connectionsMax(1, now: now.monotonic) > 0 else { return nil }
    return parts.queue.lease(now: now)
  }

  func finished(_ lease: consuming Lease, _ results: [RecipientResult]) {
    let now = parts.clock.now()
    let (id, recipients, delay) = (lease.id, lease.envelope.recipients, now.wall - lease.submittedAt)
    let indexes = lease.recipientIndexes
    let outcomes = zip(indexes, results).compactMap { Self.outcome($1, index: $0) }
    guard !outcomes.isEmpty else { return parts.queue.release(lease) }
    for decided in parts.queue.record(outcomes, of: lease, now: now, jitter: parts.random()) {
      guard let position = indexes.firstIndex(of: decided.index) else { continue }
      report(decided, id, to: recipients[position], delay: delay)
    }
    // A deferral has a time of its own to wake up for.
    schedule(now)
  }

  func untried(_ lease: consuming Lease) {
    parts.queue.release(lease)
  }

  /// The queue has put the message aside: it is kept and shown, and not tried again.
  func contentUnreadable(_ lease: consuming Lease, _ reason: String) {
    parts.log.report(.contentUnreadable(lease.id, reason))
    parts.queue.release(lease)
  }

  func troubled(_ trouble: UpstreamTrouble) {
    let now = parts.clock.now()
    // Several connections meet the same trouble at once: it counts once.
    if case .paused = breaker.state { return schedule(now) }
    noteStandstill(until: now.monotonic)
    let seconds = breaker.tripped(trouble, now: now.monotonic, jitter: parts.random())
    parts.log.report(
      .upstreamPaused(upstreamName, trouble, seconds: seconds, waiting: parts.queue.readyCount(now: now)))
    schedule(now)
  }

  func connected(afterTransaction: Bool) {
    if case .probing(let trouble, _) = breaker.state, afterTransaction || trouble.isBeforeMail { heal() }
    guard !hasConnected else { return }
    hasConnected = true
    runSoon()
  }

  func connectionRetired() {
    run()
  }

  // MARK: health

  private func heal() {
    let now = parts.clock.now()
    guard let milliseconds = breaker.healed(now: now.monotonic) else { return }
    noteStandstill(until: nil)
    parts.log.report(
      .upstreamRecovered(
        upstreamName, pausedSeconds: milliseconds / 1000, waiting: parts.queue.readyCount(now: now)))
    runSoon()
  }

  /// More connections may open now; not from within the carrier's own step.
  private func runSoon() {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    eventLoop.execute { bound.value.run() }
  }

  /// Records how long mail could not leave, bit by bit, so that the end of the process forgets little of it.
  private func noteStandstill(until now: Int64?) {
    if let from = standstillFrom { parts.queue.extendLifetimes(by: parts.clock.now().monotonic - from) }
    standstillFrom = now
  }

  private func schedule(_ now: Instant) {
    board.publish(UpstreamHealth(breaker.state))
    timer?.cancel()
    timer = nil
    guard !isStopping else { return }
    let due: Int64? =
      if case .paused = breaker.state { breaker.nextProbe } else { parts.queue.nextDue(now: now) }
    guard let due else { return }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timer = eventLoop.scheduleTask(in: .milliseconds(max(1, due - now.monotonic))) { bound.value.run() }
  }

  // MARK: small parts

  private var upstreamName: String { settings.configuration.upstream.name }

  private func makeCarrier() -> any Carrier {
    let upstream = settings.configuration.upstream
    switch upstream.provider {
    case .capture:
      return CaptureMaildir(
        directory: upstream.captureDirectory, queue: parts.queue, threads: parts.threads, eventLoop: eventLoop,
        delegate: self)
    case .generic:
      return ConnectionPool(
        settings: settings, queue: parts.queue, threads: parts.threads, connector: parts.connector,
        eventLoop: eventLoop, delegate: self)
    }
  }

  private static func outcome(_ result: RecipientResult, index: Int) -> RecipientOutcome? {
    switch result {
    case .delivered(let reply): RecipientOutcome(index: index, result: .delivered, reply: reply)
    case .deferred(let reply): RecipientOutcome(index: index, result: .deferred, reply: reply)
    case .failed(let reply): RecipientOutcome(index: index, result: .failed, reply: reply)
    case .unknown(let reply): RecipientOutcome(index: index, result: .deferred, reply: reply, isUncertain: true)
    case .untried: nil
    }
  }

  private func report(_ outcome: RecipientOutcome, _ id: MessageID, to: Address, delay: Int64) {
    let (reply, upstream) = (outcome.reply, upstreamName)
    switch outcome.result {
    case .delivered:
      parts.log.report(.sent(id, to: to, upstream: upstream, reply: reply, delayMilliseconds: delay), at: .info)
    case .deferred:
      parts.log.report(.deferred(id, to: to, upstream: upstream, reply: reply, delayMilliseconds: delay), at: .info)
    case .failed:
      parts.log.report(.failed(id, to: to, upstream: upstream, reply: reply, delayMilliseconds: delay))
    }
  }
}

extension UpstreamTrouble {
  /// Met before a message was named: a dialogue that stands shows that it is over.
  fileprivate var isBeforeMail: Bool {
    switch stage {
    case "mail", "rcpt", "data", "content": false
    default: true
    }
  }
}
