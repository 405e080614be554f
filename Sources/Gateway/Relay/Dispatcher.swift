// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Queue
import SMTP
import WAL

/// Decides when mail leaves: takes messages that are due from the queue, gives them to the carrier, records what became
/// of them, and keeps the upstream's health.
///
/// Lives on one event loop: every method is called there. A `Bell` reaches it from elsewhere.
package final class Dispatcher: CarrierDelegate, BellListener {
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
  private var pauses: Pauses
  /// The secret for the login is missing, since a monotonic time.
  private var lack: (trouble: UpstreamTrouble, since: Int64)?
  private var carrier: (any Carrier)?
  /// Carriers of older settings, until their last message is done.
  private var retiring: [any Carrier] = []
  private var hasConnected = false
  private var standstill = Standstill()
  private var progress: UInt64 = 0
  private var timer: Scheduled<Void>?
  private var isRunning = false
  private var isStopping = false

  package init(
    parts: Parts, settings: Settings, pauses: Pauses = Pauses(), eventLoop: any EventLoop, wakeUp: Bell<Dispatcher>,
    board: HealthBoard
  ) {
    self.parts = parts
    self.settings = settings
    self.pauses = pauses
    self.eventLoop = eventLoop
    self.board = board
    carrier = makeCarrier()
    noteLack()
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
    if let due = standstill.nextNote, due <= now.monotonic { noteStandstill() }
    guard !isHeldBack else { return schedule(now) }
    if let probe = breaker.nextProbe, probe <= now.monotonic { breaker.probe() }
    let connections = connectionsMax(now)
    let waiting = parts.queue.readyCount(now: now)
    if waiting > 0, connections > 0 { carrier?.work(waiting: waiting, connectionsMax: connections) }
    schedule(now)
  }

  /// What the watchdog wants to know.
  package func look() -> Watchdog.RelayLook {
    let now = parts.clock.now()
    let waiting = parts.queue.readyCount(now: now)
    return Watchdog.RelayLook(
      waiting: waiting, isOpen: !isStopping && !isHeldBack && breaker.isClosed,
      hasRoom: carrier?.hasRoom(waiting: waiting, connectionsMax: connectionsMax(now)) ?? false, progress: progress)
  }

  /// New settings hold for the next message; what is under way ends as it began. `loginWorks`: their login was tried
  /// out and accepted, so a pause that is about the login is over.
  package func replace(_ new: Settings, loginWorks: Bool = false) {
    let old = carrier
    // Whoever reloads has mended something, here or at the provider.
    breaker.reset(now: parts.clock.now().monotonic)
    noteLogin(new, works: loginWorks)
    settings = new
    if loginWorks, breaker.trouble?.kind == .login { heal() }
    noteLack()
    noteStandstill()
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

  /// From now on; deliveries under way end as they would.
  package func adopt(_ new: Pauses) {
    pauses = new
    noteStandstill()
    run()
  }

  /// Somebody wants to know now whether the upstream works again.
  package func probe() {
    breaker.reset(now: parts.clock.now().monotonic)
    run()
  }

  /// Succeeds when the last delivery that is under way is recorded.
  package func stop() -> EventLoopFuture<Void> {
    isStopping = true
    timer?.cancel()
    noteStandstill()
    let carriers = retiring + (carrier.map { [$0] } ?? [])
    return EventLoopFuture.andAllComplete(carriers.map { $0.drain() }, on: eventLoop)
  }

  package func closeAll() {
    for carrier in retiring { carrier.closeAll() }
    carrier?.closeAll()
  }

  // MARK: what the carrier asks and reports

  func nextLease() -> Lease? {
    guard !isStopping, !isHeldBack else { return nil }
    let now = parts.clock.now()
    guard breaker.connectionsMax(1, now: now.monotonic) > 0 else { return nil }
    return parts.queue.lease(now: now)
  }

  func progressed() {
    progress &+= 1
  }

  func finished(_ lease: consuming Lease, _ results: [RecipientResult], _ course: DeliveryCourse?) {
    let now = parts.clock.now()
    let (id, recipients, delay) = (lease.id, lease.envelope.recipients, now.wall - lease.submittedAt)
    let (indexes, attempt) = (lease.recipientIndexes, lease.attempt)
    let hasSender = lease.envelope.sender != nil
    let outcomes = zip(indexes, results).compactMap { Self.outcome($1, index: $0) }
    guard !outcomes.isEmpty else { return parts.queue.release(lease) }
    // What is decided below must not count time that stood still.
    if standstill.isRunning { noteStandstill() }
    progressed()
    let all = parts.queue.record(outcomes, of: lease, now: now, jitter: parts.random())
    for decided in all {
      guard let position = indexes.firstIndex(of: decided.index) else { continue }
      report(
        decided,
        DeliveryReport(
          id: id, to: recipients[position], upstream: upstreamName, course: course, reply: decided.reply,
          attempt: attempt, delayMilliseconds: delay,
          isDuplicatePossible: decided.isUncertain))
      if !hasSender, decided.result == .failed {
        parts.log.report(.doubleBounced(id, to: recipients[position], decided.reply))
      }
    }
    if all.contains(where: { $0.result != .deferred }),
      breaker.dealt(configured: settings.configuration.upstream.maxConnections)
    {
      runSoon()
    }
    if parts.queue.view(id) == nil { parts.log.report(.removed(id), at: .info) }
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
    let seconds = breaker.tripped(trouble, now: now.monotonic, jitter: parts.random())
    noteStandstill()
    parts.log.report(
      .upstreamPaused(upstreamName, trouble, seconds: seconds, waiting: parts.queue.readyCount(now: now)))
    schedule(now)
  }

  func connected(afterTransaction: Bool) {
    if case .probing(let trouble, _) = breaker.state, afterTransaction || trouble.isBeforeMail { heal() }
    if !afterTransaction, settings.login != nil { board.loginAccepted(at: parts.clock.now().wall) }
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
    noteStandstill()
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

  /// No trying helps: somebody has to do something, or a time that somebody set must pass.
  private var isHeldBack: Bool { lack != nil || pauses.outgoing(through: upstreamName) != nil }

  private func noteLack() {
    guard let trouble = settings.credentialTrouble else { return lack = nil }
    lack = (trouble, lack?.since ?? parts.clock.now().monotonic)
  }

  private func noteLogin(_ new: Settings, works: Bool) {
    if new.configuration.upstream.name != upstreamName { board.forgetLogin() }
    if works {
      board.loginAccepted(at: parts.clock.now().wall)
    } else if new.login != settings.login {
      board.loginReplaced()
    }
  }

  private func noteStandstill() {
    let passed = standstill.note(
      goesOn: !isStopping && (isHeldBack || !breaker.isClosed), now: parts.clock.now().monotonic)
    if passed > 0 { parts.queue.extendLifetimes(by: passed) }
  }

  /// When to look again by itself; monotonic milliseconds.
  private func nextLook(_ now: Instant) -> Int64? {
    let next: Int64? =
      if isHeldBack { nil } else if case .paused = breaker.state { breaker.nextProbe } else {
        parts.queue.nextDue(now: now)
      }
    return [next, standstill.nextNote].compactMap(\.self).min()
  }

  private func schedule(_ now: Instant) {
    board.publish(health(now))
    timer?.cancel()
    timer = nil
    guard !isStopping, let due = nextLook(now) else { return }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timer = eventLoop.scheduleTask(in: .milliseconds(max(1, due - now.monotonic))) { bound.value.run() }
  }

  private func health(_ now: Instant) -> UpstreamHealth {
    let health = lack.map { UpstreamHealth(without: $0.trouble, since: $0.since) } ?? UpstreamHealth(breaker.state)
    guard let pause = pauses[.upstream(upstreamName)] else { return health }
    return health.pausedByHand(since: now.monotonic - (now.wall - pause.since.milliseconds))
  }

  // MARK: small parts

  private func connectionsMax(_ now: Instant) -> Int {
    // Until the first login was accepted there is one, so that a wrong password is not tried many times at once.
    let configured = hasConnected ? settings.configuration.upstream.maxConnections : 1
    return breaker.connectionsMax(configured, now: now.monotonic)
  }

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
    case .unknown(let reply):
      RecipientOutcome(
        index: index, result: SeededFault.outcomeBeforeReply ? .delivered : .deferred, reply: reply, isUncertain: true)
    case .untried: nil
    }
  }

  private func report(_ outcome: RecipientOutcome, _ report: DeliveryReport) {
    switch outcome.result {
    case .delivered: parts.log.report(.sent(report), at: .info)
    case .deferred:
      var report = report
      report.nextAttempt = parts.queue.view(report.id)?.nextAttempt
      parts.log.report(.deferred(report), at: .info)
    case .failed: parts.log.report(.failed(report))
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
