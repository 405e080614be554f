// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Queue
import SMTP
import WAL

/// Decides who carries mail and when: of each way's upstreams the first one that can. It gives every account the lanes
/// that are its own at this moment, and keeps the time in which mail cannot move.
///
/// Lives on one event loop: every method is called there. A `Bell` reaches it from elsewhere.
package final class Dispatcher: BellListener {
  /// What the dispatcher works with, apart from the settings that a reload changes.
  package struct Parts {
    package var queue: MessageQueue
    package var connector: any Connector
    package var threads: any WorkerThreads
    package var clock: Clock
    /// Any number, for jitter.
    package var random: () -> UInt64
    package var log: EventLog
    /// nil: no upstream has a quota.
    package var quotas: QuotaBook?
    package var detours: Detours
    package var announcements: Announcements
    /// Where connections that these settings ask for get their login from.
    package var logins: (UpstreamSettings) -> any LoginSource

    package init(
      queue: MessageQueue, connector: any Connector, threads: any WorkerThreads, clock: Clock,
      random: @escaping () -> UInt64, log: EventLog, quotas: QuotaBook? = nil, detours: Detours = Detours(),
      announcements: Announcements = Announcements(),
      logins: @escaping (UpstreamSettings) -> any LoginSource = { FixedLogin($0.login) }
    ) {
      self.quotas = quotas
      self.detours = detours
      self.announcements = announcements
      self.queue = queue
      self.connector = connector
      self.threads = threads
      self.clock = clock
      self.random = random
      self.log = log
      self.logins = logins
    }
  }

  /// A way of the table with the accounts that serve it.
  private struct ServedLane {
    let lane: Lane
    let groups: [[UpstreamAccount]]
    /// Where its mail came from if it was sent on, and goes back to; nil: it is a lane of the routes.
    var home: UInt8?

    var isServed: Bool { groups.joined().contains(where: \.isAvailable) }

    /// Whether it is this account's turn, whatever its own health is: nobody before it can.
    func isTurn(of account: UpstreamAccount) -> Bool {
      for group in groups {
        if group.contains(where: { $0 === account }) { return true }
        if group.contains(where: \.isAvailable), !SeededFault.laterOfWayFirst { return false }
      }
      return false
    }
  }

  private let parts: Parts
  private let eventLoop: any EventLoop
  private let board: HealthBoard
  private var accounts: [UpstreamAccount] = []
  /// Accounts that the settings have no more, until their last message is done.
  private var leaving: [UpstreamAccount] = []
  private var lanes: [ServedLane] = []
  /// Where an account looks first, so that no lane of it waits for another one.
  private var firstLane = 0
  private var pauses: Pauses
  private var standstill = Standstill()
  private var nextRun = MovingDeadline()
  private var isRunning = false
  private var isStopping = false

  /// The queue has the table of these settings as its router from its beginning, or none if they have one way only.
  package init(
    parts: Parts, settings: Settings, pauses: Pauses = Pauses(), eventLoop: any EventLoop, wakeUp: Bell<Dispatcher>,
    board: HealthBoard
  ) {
    self.parts = parts
    self.pauses = pauses
    self.eventLoop = eventLoop
    self.board = board
    accounts = settings.upstreams.map(makeAccount)
    serve(settings.routes, routing: 0)
    learn(settings)
    wakeUp.attach(self)
  }

  private func makeAccount(_ settings: UpstreamSettings) -> UpstreamAccount {
    UpstreamAccount(settings, pauses: pauses, parts: parts, eventLoop: eventLoop, board: board, owner: self)
  }

  /// What upstreams announced counts while they are in use.
  private func learn(_ settings: Settings) {
    if let offer = parts.announcements.adopt(settings) { parts.log.report(.sizeOffered(offer)) }
  }

  private func serve(_ table: RouteTable, routing: UInt32) {
    parts.detours.adopt(table, routing: routing)
    lanes = []
    for way in table.ways { serve(way, routing: routing) }
    for detour in parts.detours.all { serve(detour.way, home: detour.home, routing: routing) }
  }

  /// As the next lane.
  private func serve(_ way: Way, home: UInt8? = nil, routing: UInt32) {
    lanes.append(
      ServedLane(
        lane: Lane(routing: routing, number: UInt8(lanes.count)),
        groups: way.groups.map { names in names.compactMap { name in accounts.first { $0.name == name } } },
        home: home))
  }

  // MARK: what the gateway asks

  /// Something changed: gives work to the accounts, and sets the time of the next look.
  package func run() {
    // Work may end at once and ask for more: one round at a time.
    guard !isStopping, !isRunning else { return }
    isRunning = true
    defer { isRunning = false }
    let now = parts.clock.now()
    for account in accounts { account.look(now) }
    if parts.announcements.takeDoubt() { for account in accounts { account.ask(now) } }
    sendHome(now)
    noteStandstill(now)
    for account in accounts {
      let waiting = waiting(for: account, now)
      if waiting > 0 { account.work(waiting: waiting, now) }
    }
    schedule()
  }

  /// What the watchdog wants to know, of each upstream.
  package func look() -> [String: Watchdog.RelayLook] {
    guard !isStopping else { return [:] }
    let now = parts.clock.now()
    return Dictionary(
      uniqueKeysWithValues: accounts.map { ($0.name, $0.look(waiting: waiting(for: $0, now), now)) })
  }

  /// New settings hold for the next message; what is under way ends as it began. `routing` is that of their table in the
  /// queue. `loginWorks` names an upstream whose login was tried out and accepted.
  package func replace(_ new: Settings, routing: UInt32, loginWorks: String? = nil) {
    let old = accounts
    accounts = new.upstreams.map { settings in
      guard let account = old.first(where: { $0.name == settings.name }) else { return makeAccount(settings) }
      account.replace(settings, loginWorks: loginWorks == settings.name)
      return account
    }
    for account in old where !accounts.contains(where: { $0 === account }) { retire(account) }
    serve(new.routes, routing: routing)
    learn(new)
    settleStandstill()
    run()
  }

  private func retire(_ account: UpstreamAccount) {
    board.forget(account.name)
    leaving.append(account)
    let bound = NIOLoopBound((self, account), eventLoop: eventLoop)
    account.drain().whenComplete { _ in
      let (dispatcher, account) = bound.value
      dispatcher.leaving.removeAll { $0 === account }
    }
  }

  /// From now on; deliveries under way end as they would.
  package func adopt(_ new: Pauses) {
    pauses = new
    for account in accounts { account.adopt(new) }
    // Whoever changes a pause and then loses the process has the time until the change all the same.
    settleStandstill()
    run()
  }

  /// A login cannot be had, as was found while no mail asked for one.
  func loginTroubled(_ name: String, _ trouble: UpstreamTrouble) {
    accounts.first { $0.name == name }?.loginTroubled(trouble)
  }

  /// It can be had again: what is paused because of that goes on. `isTried`: the upstream has taken it, so what it had
  /// said about logins before is over too.
  package func loginWorks(_ name: String, isTried: Bool) {
    accounts.first { $0.name == name }?.loginWorks(isTried: isTried)
    run()
  }

  /// Somebody wants to know now whether the upstream works again.
  package func probe(_ name: String) {
    accounts.first { $0.name == name }?.probe()
    run()
  }

  /// Succeeds when the last delivery that is under way is recorded.
  package func stop() -> EventLoopFuture<Void> {
    isStopping = true
    nextRun.cancel()
    noteStandstill(parts.clock.now())
    let drained = EventLoopFuture.andAllComplete((accounts + leaving).map { $0.drain() }, on: eventLoop)
    guard let quotas = parts.quotas else { return drained }
    let bound = NIOLoopBound(quotas, eventLoop: eventLoop)
    return drained.flatMap { bound.value.stop() }.recover { _ in }
  }

  package func closeAll() {
    for account in accounts + leaving { account.closeAll() }
  }

  // MARK: whose turn it is

  private func waiting(for account: UpstreamAccount, _ now: Instant) -> Int {
    lanes.reduce(0) { $1.isTurn(of: account) ? $0 + parts.queue.readyCount($1.lane, now: now) : $0 }
  }

  /// Mail that was sent on to upstreams none of which can any more begins again where it came from: it must not wait for
  /// one of them as if there were no others.
  private func sendHome(_ now: Instant) {
    for lane in lanes where lane.home != nil && !lane.isServed {
      for _ in 0..<Self.sentHomeMax {
        guard let lease = parts.queue.lease(lane.lane, now: now) else { break }
        let lanes = Dictionary(uniqueKeysWithValues: lease.recipientIndexes.map { ($0, lane.home!) })
        parts.queue.record([], of: lease, into: lanes, now: now, jitter: 0)
      }
      if parts.queue.readyCount(lane.lane, now: now) > 0 { runSoon() }
    }
  }

  /// In one turn of the loop.
  private static let sentHomeMax = 256

  // MARK: time

  /// Mail that no upstream can take must not grow old meanwhile.
  private func isStandingStill(_ now: Instant) -> Bool {
    if !accounts.contains(where: \.isAvailable) { return true }
    return lanes.contains { !$0.isServed && parts.queue.readyCount($0.lane, now: now) > 0 }
  }

  private func noteStandstill(_ now: Instant) {
    let goesOn = !isStopping && isStandingStill(now) && !SeededFault.standstillForgotten
    guard goesOn != standstill.isRunning || standstill.nextNote.map({ $0 <= now.monotonic }) ?? false else { return }
    writeStandstill(goesOn: goesOn, now)
  }

  private func writeStandstill(goesOn: Bool, _ now: Instant) {
    let passed = standstill.note(goesOn: goesOn, now: now.monotonic)
    if passed > 0 { parts.queue.extendLifetimes(by: passed) }
  }

  /// When to look again by itself; monotonic milliseconds.
  private func nextLook(_ now: Instant) -> Int64? {
    var looks = accounts.map { $0.nextLook(now) } + [standstill.nextNote]
    if accounts.contains(where: \.heedsDueMail) { looks.append(parts.queue.nextDue(now: now)) }
    return looks.compactMap(\.self).min()
  }
}

// MARK: - What the accounts ask

extension Dispatcher: AccountOwner {
  func nextLease(for account: UpstreamAccount) -> Lease? {
    let now = parts.clock.now()
    guard !isStopping else { return nil }
    for step in lanes.indices {
      let place = (firstLane + step) % lanes.count
      guard SeededFault.wayIgnored || lanes[place].isTurn(of: account) else { continue }
      if let lease = parts.queue.lease(lanes[place].lane, now: now) {
        firstLane = place + 1
        return lease
      }
    }
    return nil
  }

  func onward(from lane: Lane, past account: UpstreamAccount) -> Onward {
    // Other routes have come meanwhile: they will be asked at its time.
    guard lanes[0].lane.routing == lane.routing, let way = parts.detours.way(of: lane.number) else { return .later }
    let left = way.without(account.name)
    if left.groups.isEmpty { return .nobody }
    guard left.names.contains(where: { name in accounts.contains { $0.name == name && $0.isAvailable } }),
      let number = parts.detours.lane(from: lane.number, past: account.name)
    else { return .later }
    if Int(number) == lanes.count {
      serve(left, home: parts.detours.home(of: number), routing: lane.routing)
    }
    return .lane(number)
  }

  func home(of lane: Lane) -> UInt8? { parts.detours.home(of: lane.number) }

  func waiting(behind account: UpstreamAccount) -> Int {
    let now = parts.clock.now()
    return lanes.reduce(0) { sum, lane in
      lane.groups.joined().contains { $0 === account } ? sum + parts.queue.readyCount(lane.lane, now: now) : sum
    }
  }

  func runSoon() {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    eventLoop.execute { bound.value.run() }
  }

  /// Whoever had it may not ask for the next message: his settings may hold no more.
  func messageRemained() { runSoon() }

  func availabilityChanged() {
    noteStandstill(parts.clock.now())
    schedule()
    runSoon()
  }

  func settleStandstill() {
    guard standstill.isRunning else { return }
    let now = parts.clock.now()
    writeStandstill(goesOn: !isStopping && isStandingStill(now), now)
  }

  func schedule() {
    let now = parts.clock.now()
    for account in accounts {
      account.publishHealth(isNeeded: lanes.contains { $0.home == nil && $0.isTurn(of: account) }, now)
    }
    guard !isStopping, let due = nextLook(now) else { return nextRun.clear() }
    nextRun.set(eventLoop.now + .milliseconds(max(1, due - now.monotonic)))
    awaitNextRun()
  }

  private func awaitNextRun() {
    guard let due = nextRun.due(within: Self.clockTick) else { return }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let scheduled = eventLoop.scheduleTask(deadline: due) {
      let dispatcher = bound.value
      if dispatcher.nextRun.fired(now: dispatcher.eventLoop.now) { dispatcher.run() } else { dispatcher.awaitNextRun() }
    }
    nextRun.replace(with: scheduled, at: due)
  }

  /// Two looks at one time differ by so much, because ours has milliseconds and the event loop's has not.
  private static let clockTick = TimeAmount.milliseconds(1)
}
