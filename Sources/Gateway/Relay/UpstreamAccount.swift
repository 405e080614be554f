// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import NIOCore
import Queue
import SMTP
import WAL

/// What an account needs of the one who knows the other accounts.
protocol AccountOwner: AnyObject {
  /// The next message that this account is to carry now.
  func nextLease(for account: UpstreamAccount) -> Lease?
  /// Where mail of this lane goes that this account has sent to another one.
  func onward(from lane: Lane, past account: UpstreamAccount) -> Onward
  /// The lane that mail came from which was sent on to this one; nil: this is its own.
  func home(of lane: Lane) -> UInt8?
  /// Messages of all its ways that are ready, whoever will carry them.
  func waiting(behind account: UpstreamAccount) -> Int
  /// Something changed: gives work to whoever can do it.
  func run()
  /// The same, but not from within the carrier's own step.
  func runSoon()
  /// It can carry mail that it could not before, or the other way round.
  func availabilityChanged()
  /// A message that it had is not finished: other upstreams may carry what is left of it.
  func messageRemained()
  /// Sets the time of the next look.
  func schedule()
  /// What is decided from now on must not count time that stood still.
  func settleStandstill()
}

/// One upstream at run time: its carrier, its health, its login, what keeps it from working. It carries what its owner
/// gives it and records what became of that; which mail is its own it does not know.
///
/// Lives on the dispatcher's event loop.
final class UpstreamAccount: CarrierDelegate {
  let name: String
  let parts: Dispatcher.Parts
  private let eventLoop: any EventLoop
  private let board: HealthBoard
  private unowned let owner: any AccountOwner
  private var settings: UpstreamSettings
  private var breaker = Breaker()
  /// By hand, of this one or of all.
  private var pause: Pause?
  /// The secret for the login is missing, since a monotonic time.
  private var lack: (trouble: UpstreamTrouble, since: Int64)?
  private(set) var carrier: (any Carrier)?
  /// Carriers of older settings, until their last message is done.
  private var retiring: [any Carrier] = []
  private var hasConnected = false
  private var budget: Budget
  private var pace = Pace()
  /// Grows with each octet that moves and each outcome.
  private var progress: UInt64 = 0
  /// The log waits for the end of this turn of the loop.
  private var isTurnEnding = false
  /// What the board says is that all is well.
  private var isPublishedWell = false

  init(
    _ settings: UpstreamSettings, pauses: Pauses, parts: Dispatcher.Parts, eventLoop: any EventLoop,
    board: HealthBoard, owner: any AccountOwner
  ) {
    name = settings.name
    self.settings = settings
    self.parts = parts
    self.eventLoop = eventLoop
    self.board = board
    self.owner = owner
    pause = pauses.outgoing(through: name)
    budget = Budget(settings.upstream, parts.quotas)
    carrier = makeCarrier()
    noteLack()
  }

  // MARK: what its owner asks

  /// Mail may go to it now; if not, to the next one of its way.
  var isAvailable: Bool { !isHeldBack && breaker.isClosed && !budget.isOver }

  /// It may take a message now: one of many, or the one that shows whether it works again.
  func mayTake(_ now: Instant) -> Bool {
    !isHeldBack && breaker.connectionsMax(1, now: now.monotonic) > 0 && budget.opensAt(now) == nil
      && budget.hasRoom(now)
      && pace.opensAt(now: now.monotonic) == nil
  }

  /// A pause that is over becomes a probe, a quota that has room again is used, a pace that was slow is eased.
  func look(_ now: Instant) {
    noteQuota(now)
    if pace.ease(now: now.monotonic), !pace.isSlow { parts.log.report(.upstreamPaced(name, nil)) }
    guard !isHeldBack, let probe = breaker.nextProbe, probe <= now.monotonic else { return }
    breaker.probe()
  }

  /// `waiting` messages are ready for it.
  func work(waiting: Int, _ now: Instant) {
    let connections = connectionsMax(now)
    if waiting > 0, connections > 0, mayTake(now) { carrier?.work(waiting: waiting, connectionsMax: connections) }
  }

  /// Nothing may be begun before a time that is known.
  private func rests(_ now: Instant) -> Bool {
    budget.opensAt(now) != nil || pace.opensAt(now: now.monotonic) != nil
  }

  /// `waiting` as above. Until a rate has room again or a pause between messages is over, nothing needs to move.
  func look(waiting: Int, _ now: Instant) -> Watchdog.RelayLook {
    Watchdog.RelayLook(
      waiting: waiting, isOpen: isAvailable && !rests(now),
      hasRoom: mayTake(now) && carrier?.hasRoom(waiting: waiting, connectionsMax: connectionsMax(now)) ?? false,
      progress: progress)
  }

  /// When to look again by itself; monotonic milliseconds. nil: when something happens.
  func nextLook(_ now: Instant) -> Int64? {
    if isHeldBack { return nil }
    if case .paused = breaker.state { return breaker.nextProbe }
    return [budget.nextLook(now), pace.opensAt(now: now.monotonic), pace.nextEase].compactMap(\.self).min()
  }

  /// Whether what is due makes it work. One that is paused waits for its probe and nothing else.
  var heedsDueMail: Bool {
    if isHeldBack { return false }
    if case .paused = breaker.state { return false }
    return true
  }

  /// `isNeeded`: some way has it first, as things are.
  func publishHealth(isNeeded: Bool, _ now: Instant) {
    // Asked behind each message, and nearly always there is nothing to say.
    let isWell = isNeeded && lack == nil && pause == nil && breaker.isClosed && !pace.isSlow && budget.isUnlimited
    if isWell, isPublishedWell { return }
    isPublishedWell = isWell
    var health = lack.map { UpstreamHealth(without: $0.trouble, since: $0.since) } ?? UpstreamHealth(breaker.state)
    if health.state == "ok", let over = budget.over, let until = budget.opensAt(now) {
      health = UpstreamHealth(overQuota: over.trouble, since: over.since, until: until)
    } else if health.state == "ok", let reply = pace.reply, let since = pace.since {
      health = UpstreamHealth(slow: UpstreamTrouble(.busy, at: "mail", reply.text, reply), since: since)
    }
    health.budget = budget.state
    if pace.isSlow { health.pace = pace }
    if let pause, pause.name != nil {
      health = health.pausedByHand(since: now.monotonic - (now.wall - pause.since.milliseconds))
    }
    if health.state == "ok", !isNeeded { health.state = "standby" }
    board.publish(health, of: name)
  }

  // MARK: changes

  /// New settings hold for the next message; what is under way ends as it began. `loginWorks`: their login was tried
  /// out and accepted, so a pause that is about the login is over.
  func replace(_ new: UpstreamSettings, loginWorks: Bool) {
    // Whoever reloads has mended something, here or at the provider.
    breaker.reset(now: parts.clock.now().monotonic)
    if loginWorks {
      board.loginAccepted(at: name, wall: parts.clock.now().wall)
    } else if new.login != settings.login || new.oauth != settings.oauth
      || new.tls.identity != settings.tls.identity
    {
      board.loginReplaced(at: name)
    }
    board.forgetSecurity(of: name)
    settings = new
    budget.adopt(new.upstream)
    if loginWorks, breaker.trouble?.kind == .login { heal() }
    noteLack()
    hasConnected = false
    retireCarrier()
    carrier = makeCarrier()
  }

  func adopt(_ pauses: Pauses) { pause = pauses.outgoing(through: name) }

  func loginTroubled(_ trouble: UpstreamTrouble) {
    if breaker.isClosed { troubled(trouble) }
  }

  func loginWorks(isTried: Bool) {
    guard let trouble = breaker.trouble, trouble.stage == "token" || (isTried && trouble.kind == .login) else { return }
    heal()
  }

  /// Somebody wants to know now whether it works again.
  func probe() { breaker.reset(now: parts.clock.now().monotonic) }

  /// Succeeds when the last delivery that is under way is recorded.
  func drain() -> EventLoopFuture<Void> {
    let carriers = retiring + (carrier.map { [$0] } ?? [])
    return EventLoopFuture.andAllComplete(carriers.map { $0.drain() }, on: eventLoop)
  }

  func closeAll() {
    for carrier in retiring { carrier.closeAll() }
    carrier?.closeAll()
  }

  private func retireCarrier() {
    guard let old = carrier.take() else { return }
    retiring.append(old)
    let bound = NIOLoopBound((self, old), eventLoop: eventLoop)
    old.drain().whenComplete { _ in
      let (account, old) = bound.value
      account.retiring.removeAll { $0 === old }
    }
  }

  // MARK: what the carrier asks and reports

  func nextLease() -> Lease? {
    let now = parts.clock.now()
    guard mayTake(now), let lease = deliverableLease() else { return nil }
    budget.began(recipients: lease.envelope.recipients.count, now)
    pace.began(configured: settings.upstream.maxConnections, now: now.monotonic)
    // The next one need not wait until this one has ended.
    if rests(now) { owner.schedule() }
    return lease
  }

  /// Mail that this upstream can take from nobody has failed before anybody is asked.
  private func deliverableLease() -> Lease? {
    let rule = settings.senderRule
    for _ in 0..<Self.refusalsMax {
      guard let lease = owner.nextLease(for: self) else { return nil }
      guard let refusal = rule.refusal(of: lease.envelope.sender, of: lease.source.client) else { return lease }
      let results = lease.envelope.recipients.map { _ in RecipientResult.failed(refusal) }
      record(lease, results, nil)
    }
    owner.runSoon()
    return nil
  }

  /// In one turn of the loop.
  private static let refusalsMax = 64

  func progressed() { progress &+= 1 }

  func finished(_ lease: consuming Lease, _ results: [RecipientResult], _ course: DeliveryCourse?) {
    let now = parts.clock.now()
    var verdict = ReplyVerdict(results, rules: settings.rules, provider: settings.upstream.provider)
    let onward = verdict.sentOn.isEmpty ? .nobody : owner.onward(from: lease.lane, past: self)
    verdict.settle(onward)
    ended(recipients: lease.envelope.recipients.count, taken: verdict.taken, now)
    if let reply = verdict.slowing, pace.slowed(reply, now: now.monotonic) {
      parts.log.report(.upstreamPaced(name, reply))
    }
    let lanes = sendOn(lease, verdict, onward, course)
    record(lease, verdict.results, course, into: lanes)
    if let trouble = verdict.trouble { troubled(trouble) }
    noteQuota(now)
    // A deferral has a time of its own to wake up for.
    owner.schedule()
  }

  /// What is under way counts as if it would be taken. With one less there may be room for a connection that found none,
  /// and whoever had this one need not ask again: his settings may hold no more.
  private func ended(recipients: Int, taken: Int, _ now: Instant) {
    budget.ended(recipients: recipients, taken: taken, now)
    if budget.hasQuota { owner.runSoon() }
  }

  /// `lanes` has those that another upstream is to take, by index.
  private func record(
    _ lease: consuming Lease, _ results: [RecipientResult], _ course: DeliveryCourse?, into lanes: [Int: UInt8] = [:]
  ) {
    let now = parts.clock.now()
    let (id, recipients, delay) = (lease.id, lease.envelope.recipients, now.wall - lease.submittedAt)
    let (indexes, attempt) = (lease.recipientIndexes, lease.attempt)
    let hasSender = lease.envelope.sender != nil
    let outcomes = zip(indexes, results).compactMap { RecipientOutcome($1, index: $0) }
    guard !outcomes.isEmpty || !lanes.isEmpty else {
      parts.queue.release(lease)
      return owner.messageRemained()
    }
    owner.settleStandstill()
    progressed()
    var lanes = lanes
    // The next time begins with the first upstream of the way again.
    if let home = owner.home(of: lease.lane) {
      for outcome in outcomes where outcome.result == .deferred { lanes[outcome.index] = home }
    }
    let isDeferred = outcomes.contains { $0.result == .deferred }
    let all = parts.queue.record(
      outcomes, of: lease, through: name, into: lanes, now: now, jitter: isDeferred ? parts.random() : 0,
      wakesLog: false)
    endTurnSoon()
    for decided in all {
      guard let position = indexes.firstIndex(of: decided.index) else { continue }
      report(
        decided,
        DeliveryReport(
          id: id, to: recipients[position], upstream: name, course: course, reply: decided.reply,
          attempt: attempt, delayMilliseconds: delay,
          isDuplicatePossible: decided.isUncertain))
      if !hasSender, decided.result == .failed {
        parts.log.report(.doubleBounced(id, to: recipients[position], decided.reply))
      }
    }
    if all.contains(where: { $0.result != .deferred }), breaker.dealt(configured: settings.upstream.maxConnections) {
      owner.runSoon()
    }
    if parts.queue.view(id) == nil {
      parts.detours.forget(id)
      parts.log.report(.removed(id), at: .info)
    } else {
      owner.messageRemained()
    }
  }

  /// Once for all messages that end in this turn of the loop: each wake-up of the queue's writer is a switch to its
  /// thread and a write, and each line of the event log by itself another.
  private func endTurnSoon() {
    guard !isTurnEnding else { return }
    isTurnEnding = true
    parts.log.hold()
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    eventLoop.execute {
      bound.value.isTurnEnding = false
      bound.value.parts.queue.wakeLog()
      bound.value.parts.log.release()
    }
  }

  func untried(_ lease: consuming Lease) {
    ended(recipients: lease.envelope.recipients.count, taken: 0, parts.clock.now())
    parts.queue.release(lease)
    owner.messageRemained()
  }

  /// The queue has put the message aside: it is kept and shown, and not tried again.
  func contentUnreadable(_ lease: consuming Lease, _ reason: String) {
    parts.log.report(.contentUnreadable(lease.id, reason))
    ended(recipients: lease.envelope.recipients.count, taken: 0, parts.clock.now())
    parts.queue.release(lease)
  }

  func troubled(_ trouble: UpstreamTrouble) {
    let now = parts.clock.now()
    // Several connections meet the same trouble at once: it counts once.
    if case .paused = breaker.state { return owner.schedule() }
    if slows(over: trouble, now) { return owner.schedule() }
    let trouble = ReplyVerdict.judged(trouble, of: settings)
    let isNews = !breaker.isAbsent || breaker.trouble?.text != trouble.text
    let seconds = breaker.tripped(trouble, now: now.monotonic, jitter: parts.random())
    // Of those that come every second or two, one is enough.
    if isNews || seconds >= Self.toldSecondsMin {
      parts.log.report(.upstreamPaused(name, trouble, seconds: seconds, waiting: owner.waiting(behind: self)))
    }
    owner.availabilityChanged()
  }

  private static let toldSecondsMin: Int64 = 4

  /// It wants less mail, and says so about the connection: then it rests a while and is given less, as if it had said so
  /// about a message. If the slowest pace is still too much for it, it does not work.
  private func slows(over trouble: UpstreamTrouble, _ now: Instant) -> Bool {
    let connections = settings.upstream.maxConnections
    guard breaker.isClosed, !pace.isSlowest(configured: connections), let reply = trouble.reply,
      ReplyVerdict.rule(for: trouble, of: settings)?.action == .slow
    else { return false }
    if pace.slowed(reply, now: now.monotonic) { parts.log.report(.upstreamPaced(name, reply)) }
    pace.rests(configured: connections, now: now.monotonic)
    return true
  }

  func connected(afterTransaction: Bool) {
    if case .probing(let trouble, _) = breaker.state, afterTransaction || trouble.isBeforeMail { heal() }
    if !afterTransaction, settings.logsIn { board.loginAccepted(at: name, wall: parts.clock.now().wall) }
    guard !hasConnected else { return }
    hasConnected = true
    owner.runSoon()
  }

  func secured(_ security: ConnectionSecurity?) {
    board.secured(by: security, at: name, wall: parts.clock.now().wall)
  }

  func connectionRetired() { owner.run() }

  // MARK: health

  private func heal() {
    let now = parts.clock.now()
    guard let milliseconds = breaker.healed(now: now.monotonic) else { return }
    parts.log.report(
      .upstreamRecovered(name, pausedSeconds: milliseconds / 1000, waiting: owner.waiting(behind: self)))
    owner.availabilityChanged()
  }

  /// It has had all that it may have, or has room again.
  private func noteQuota(_ now: Instant) {
    switch budget.look(now) {
    case .nothing: return
    case .warned(let use): return parts.log.report(.quotaNearlyUsed(name, use))
    case .ended(let trouble, let seconds):
      parts.log.report(.upstreamPaused(name, trouble, seconds: seconds, waiting: owner.waiting(behind: self)))
    case .reopened(let milliseconds):
      parts.log.report(
        .upstreamRecovered(name, pausedSeconds: milliseconds / 1000, waiting: owner.waiting(behind: self)))
    }
    owner.availabilityChanged()
  }

  /// No trying helps: somebody has to do something, or a time that somebody set must pass.
  private var isHeldBack: Bool { lack != nil || pause != nil }

  private func noteLack() {
    guard let trouble = settings.credentialTrouble else { return lack = nil }
    lack = (trouble, lack?.since ?? parts.clock.now().monotonic)
  }

  func connectionsMax(_ now: Instant) -> Int {
    if isHeldBack { return 0 }
    // Until the first login was accepted there is one, so that a wrong password is not tried many times at once.
    let configured = hasConnected ? pace.connectionsMax(settings.upstream.maxConnections) : 1
    return breaker.connectionsMax(configured, now: now.monotonic)
  }

  private func makeCarrier() -> any Carrier {
    let upstream = settings.upstream
    if upstream.isCapture {
      return CaptureMaildir(
        directory: upstream.captureDirectory, senders: settings.senderRule, queue: parts.queue, threads: parts.threads,
        eventLoop: eventLoop, delegate: self)
    }
    return ConnectionPool(
      settings: settings, logins: parts.logins(settings), queue: parts.queue, threads: parts.threads,
      connector: parts.connector, eventLoop: eventLoop, delegate: self)
  }

  private func report(_ outcome: RecipientOutcome, _ report: DeliveryReport) {
    switch outcome.result {
    case .delivered, .relayed: parts.log.report(.sent(report), at: .info)
    case .deferred:
      var report = report
      report.nextAttempt = parts.queue.view(report.id)?.nextAttempt
      parts.log.report(.deferred(report), at: .info)
    case .failed: parts.log.report(.failed(report))
    }
  }
}

extension RecipientOutcome {
  /// nil: nothing of it was tried.
  fileprivate init?(_ result: RecipientResult, index: Int) {
    switch result {
    case .delivered(let reply): self.init(index: index, result: .delivered, reply: reply)
    case .relayed(let reply): self.init(index: index, result: .relayed, reply: reply)
    case .deferred(let reply): self.init(index: index, result: .deferred, reply: reply)
    case .failed(let reply): self.init(index: index, result: .failed, reply: reply)
    case .unknown(let reply):
      self.init(
        index: index, result: SeededFault.outcomeBeforeReply ? .delivered : .deferred, reply: reply, isUncertain: true)
    case .untried: return nil
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
