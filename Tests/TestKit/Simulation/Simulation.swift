// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Gateway
import Logging
import NIOCore
import NIOEmbedded
import Queue
import SMTP
import Synchronization
import TLS
import WAL

/// The real handlers, dispatcher, queue and log in one thread, on a disk that loses what was not synced and sometimes
/// refuses to sync, between clients and an upstream that hang up. A seed decides everything; the oracle judges.
package final class Simulation {
  package struct Report: Sendable {
    package var trace: UInt64 = 0
    package var violations: [String] = []
    package var promised = 0
    package var refused = 0
    package var undecided = 0
    package var deliveries = 0
    package var failureNotices = 0
    package var delayNotices = 0
    /// Messages that an admin held, released or gave up.
    package var orders = 0
    package var crashes = 0
    package var failedSyncs = 0
    package var pauses = 0
    /// Hours that passed while sending was paused.
    package var pausedHours = 0

    package init() {}
  }

  private var generator: SeededGenerator
  private let disk: SimulatedDisk
  private let settings: Settings
  private let time = Mutex(Instant(wall: 1_790_000_000_000, monotonic: 1_000))
  private var oracle = Oracle()
  private var world: World!
  private var clients: [SimulatedClient] = []
  private var upstreams: [SimulatedUpstream] = []
  private var isCalm = false
  private var crashes = 0
  private var failedSyncs = 0
  private var orders = 0
  private var clientCount = 0
  private var idleTurns = 0
  private let pauseMemory = PauseMemory()
  private var pauses = 0
  private var pausedMinutes = 0

  /// One life of the process.
  private final class World {
    let loop: EmbeddedEventLoop
    let queue: MessageQueue
    let dispatcher: Dispatcher
    let notices: NoticeWriter
    let submissions: SubmissionLoop
    let pauses: PauseControl
    let logins: LoginChecker
    let clock: Clock

    init(
      _ loop: EmbeddedEventLoop, _ queue: MessageQueue, _ dispatcher: Dispatcher, _ notices: NoticeWriter,
      _ pauses: PauseControl, _ logins: LoginChecker, _ clock: Clock
    ) {
      self.loop = loop
      self.queue = queue
      self.dispatcher = dispatcher
      self.notices = notices
      self.pauses = pauses
      self.logins = logins
      self.clock = clock
      submissions = SubmissionLoop(eventLoop: loop)
    }
  }

  package static func run(seed: UInt64, steps: Int = 300) -> Report {
    let simulation = Simulation(seed: seed)
    for _ in 0..<steps { simulation.step() }
    simulation.calmDown()
    return simulation.report()
  }

  private init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
    disk = SimulatedDisk(seed: seed)
    var upstream = Configuration.Upstream(name: "sim")
    upstream.host = "upstream.sim"
    upstream.security = .none
    var configuration = Configuration(hostname: "gate.sim", upstream: upstream)
    configuration.clients = [
      Configuration.Client(name: "lan", addresses: [Network("192.0.2.0/24")!], allow: [.noAuth, .plaintext])
    ]
    configuration.queue.retry = [1_000, 5_000]
    configuration.queue.warnAfter = 3_000
    // More than a run takes, less than a long pause.
    configuration.queue.lifetime = 1_800_000
    settings = Settings(
      configuration: configuration, users: UsersFile(), serverTLS: nil, clientTLS: Self.clientTLS, login: nil)
    start()
  }

  // MARK: steps

  private func step() {
    switch Int.random(in: 0..<100, using: &generator) {
    case 0..<10 where clients.count < 6: openClient()
    case 0..<55: moveOctets()
    case 55..<80: world.queue.log.step(mayLinger: generator.oneIn(2))
    case 80..<93: advance(generator.oneIn(12) ? 20_000 : Int64.random(in: 0...40, using: &generator))
    case 93..<96: order()
    case 96: pauseOrResume()
    case 97:
      failedSyncs += 1
      disk.fail(.sync, nth: Int.random(in: 1...2, using: &generator), count: Int.random(in: 1...4, using: &generator))
    case 98 where generator.oneIn(2): endProcess()
    default: hangUpSomebody()
    }
    settle()
  }

  /// Lets everybody react to what has arrived.
  private func settle() {
    world.loop.run()
    for client in clients { client.run(&oracle) }
    for upstream in upstreams {
      let isBusy = !isCalm && generator.oneIn(30)
      upstream.run(&oracle, isBusy: isBusy) { mood() }
    }
    clients.removeAll { $0.isDone && !$0.link.channel.isActive }
    upstreams.removeAll { !$0.link.channel.isActive }
    // What the watchdog would kill us for, if it lasted.
    if world.dispatcher.look().isIdle { idleTurns += 1 }
  }

  private func mood() -> SimulatedUpstream.Mood {
    if isCalm || !generator.oneIn(4) { return .takes }
    return SimulatedUpstream.Mood.allCases.randomElement(using: &generator)!
  }

  private func moveOctets() {
    let links = clients.map(\.link) + upstreams.map(\.link)
    guard let link = links.randomElement(using: &generator) else { return }
    link.push(generator.oneIn(3) ? Int.random(in: 1...90, using: &generator) : 70_000)
  }

  private func hangUpSomebody() {
    if generator.oneIn(2) {
      clients.randomElement(using: &generator)?.link.hangUp()
    } else if let upstream = upstreams.randomElement(using: &generator) {
      // The reply to the last message may be on its way.
      if upstream.link.inbound.readableBytes > 0 { oracle.replyLost(upstream.lastTaken) }
      upstream.link.hangUp()
    }
  }

  /// What an admin might do to messages that he sees.
  private func order() {
    let now = time.withLock { $0 }
    let views = world.queue.page(after: nil, limit: .max).filter { _ in generator.oneIn(3) }
    let ids = views.map(\.id)
    switch Int.random(in: 0..<4, using: &generator) {
    case 0:
      let until = generator.oneIn(2) ? now.wall + Int64.random(in: 0...30_000, using: &generator) : nil
      orders += world.queue.hold(ids, until: until, by: PeerText("admin"), now: now)
    case 1, 2: orders += world.queue.release(ids, now: now)
    default: if let view = views.first { giveUp(view, now) }
    }
  }

  private func giveUp(_ view: MessageView, _ now: Instant) {
    let isTold = generator.oneIn(2)
    let reply = Reply(550, EnhancedStatus(5, 7, 0), "given up by the admin")
    guard world.queue.bounce([view.id], reply: reply, report: isTold, now: now) == 1 else { return }
    orders += 1
    if let sender = view.sender {
      if let number = oracle.number(from: sender.text) { oracle.givenUp(number, isTold: isTold) }
    } else if let number = oracle.number(from: view.recipients[0].address.text) {
      oracle.silenced(number)
    }
  }

  private func advance(_ milliseconds: Int64) {
    time.withLock {
      $0.wall += milliseconds
      $0.monotonic += milliseconds
    }
    world.loop.advanceTime(by: .milliseconds(milliseconds))
  }

  // MARK: pauses by hand

  /// The disk does not always take it, and then nothing has changed.
  private func pauseOrResume() {
    pauseMemory.isBroken = generator.oneIn(5)
    defer { pauseMemory.isBroken = false }
    let (control, now) = (world.pauses, time.withLock { $0.wall })
    if let target = control.current.targets.randomElement(using: &generator), !generator.oneIn(3) {
      _ = try? control.resume(target, by: "admin")
    } else {
      let target = [PauseTarget.incoming, .outgoing, .upstream("sim")].randomElement(using: &generator)!
      let until = generator.oneIn(2) ? now + Int64.random(in: 1_000...7_200_000, using: &generator) : nil
      if (try? control.pause(target, until: until, by: "admin", reason: nil)) != nil { pauses += 1 }
    }
    world.loop.run()
    if generator.oneIn(3) { passLongPause() }
  }

  /// What is under way ends first: a reply that is hours late would make a duplicate that nobody is to blame for.
  private func passLongPause() {
    for _ in 0..<50 where isSendingPaused && isSending {
      for link in upstreams.map(\.link) { link.push(70_000) }
      advance(500)
      settle()
    }
    for _ in 0..<120 where isSendingPaused && !isSending {
      advance(60_000)
      pausedMinutes += 1
    }
  }

  private var isSending: Bool { world.queue.summary(now: time.withLock { $0 }).sending > 0 }
  private var isSendingPaused: Bool { world.pauses.current.outgoing(through: "sim") != nil }

  private func adopt(_ pauses: Pauses, _ loop: EmbeddedEventLoop) {
    guard world.loop === loop else { return }
    world.dispatcher.adopt(pauses)
    world.submissions.refuse(pauses[.incoming] == nil ? nil : .paused)
    let sending = world.queue.summary(now: time.withLock { $0 }).sending
    oracle.paused(underWay: pauses.outgoing(through: "sim") == nil ? nil : sending)
  }

  private func openClient() {
    clientCount += 1
    let gate = ReadGate()
    let channel = EmbeddedChannel(handlers: [], loop: world.loop)
    let context = SubmissionContext(
      settings: settings,
      listener: Configuration.Listener(name: "plain", port: 25, security: Configuration.Security.none),
      address: IPAddress("192.0.2.7")!, queue: world.queue, logins: world.logins, loop: world.submissions,
      clock: world.clock,
      log: Self.log, left: {})
    try! channel.pipeline.syncOperations.addHandlers(gate, SubmissionHandler(context))
    channel.connect(to: try! SocketAddress(ipAddress: "192.0.2.7", port: 25), promise: nil)
    clients.append(
      SimulatedClient(
        link: SimulatedLink(channel: channel, gate: gate), sender: "c\(clientCount)@client.sim", content: makeContent())
    )
  }

  /// Dots at line starts, sometimes more than a chunk.
  private func makeContent() -> String {
    let isLarge = generator.oneIn(10)
    let lines = isLarge ? Int.random(in: 60...160, using: &generator) : Int.random(in: 0...5, using: &generator)
    var text = "\r\n"
    for line in 0..<lines {
      text += String(repeating: ".", count: line % 3) + String(repeating: "x", count: isLarge ? 990 : line * 7) + "\r\n"
    }
    return text
  }

  // MARK: lives of the process

  private func start() {
    let loop = EmbeddedEventLoop()
    let bound = NIOLoopBound(self, eventLoop: loop)
    let clock = Clock(now: { bound.value.time.withLock { $0 } }, zoneOffset: { _ in 3_600 })
    let wakeUp = WakeUp(eventLoop: loop)
    let bell = NoticeBell(eventLoop: loop)
    let policy = QueuePolicy(
      retry: settings.configuration.queue.retry, lifetime: settings.configuration.queue.lifetime,
      warnAfter: settings.configuration.queue.warnAfter, segmentOctets: 1 << 18)
    let queue: MessageQueue
    do {
      queue = try MessageQueue.open(
        disk: disk, policy: policy, now: clock.now(), salt: generator.next(), ready: { wakeUp.ring() },
        noticesDue: { bell.ring() }
      ).queue
    } catch {
      preconditionFailure("the simulated spool cannot be opened: \(error)")
    }
    let parts = Dispatcher.Parts(
      queue: queue, connector: SimulatedConnector(simulation: bound), threads: NextTurn(),
      clock: clock, random: { bound.value.generator.next() }, log: Self.log)
    let control = PauseControl(
      storage: pauseMemory, clock: clock, log: Self.log, eventLoop: loop, threads: NextTurn())
    let dispatcher = Dispatcher(
      parts: parts, settings: settings, pauses: control.current, eventLoop: loop, wakeUp: wakeUp, board: HealthBoard())
    let notices = NoticeWriter(
      queue: queue, threads: NextTurn(), clock: clock, log: Self.log, settings: settings, eventLoop: loop, bell: bell)
    let logins = LoginChecker(settings: SettingsHolder(settings), clock: clock, threads: NextTurn())
    world = World(loop, queue, dispatcher, notices, control, logins, clock)
    control.start { pauses in loop.execute { bound.value.adopt(pauses, loop) } }
    loop.execute {
      bound.value.world.dispatcher.run()
      bound.value.world.notices.run()
    }
  }

  /// kill -9, or the power goes: what was not synced is gone, torn or there, as the seed decides.
  private func endProcess() {
    crashes += 1
    let seed = generator.next()
    if generator.oneIn(2) { disk.kill() } else { disk.crash(seed: seed) }
    disk.heal()
    let old: World = world
    // From here on the old process can write nothing; its connections end without a word.
    for link in clients.map(\.link) + upstreams.map(\.link) { link.hangUp() }
    old.loop.run()
    old.pauses.stop()
    old.notices.stop()
    _ = old.dispatcher.stop()
    old.dispatcher.closeAll()
    old.loop.run()
    clients = []
    upstreams = []
    oracle.processEnded()
    start()
  }

  /// Faults end, and everything gets its time.
  private func calmDown() {
    isCalm = true
    disk.heal()
    let held = world.queue.page(after: nil, limit: .max).map(\.id)
    _ = world.queue.release(held, now: time.withLock { $0 })
    for target in world.pauses.current.targets { _ = try? world.pauses.resume(target, by: "admin") }
    for _ in 0..<2_000 where !isQuiet {
      for link in clients.map(\.link) + upstreams.map(\.link) { link.push(70_000) }
      world.queue.log.step()
      advance(500)
      settle()
    }
    while world.queue.log.hasOpenBatch { world.queue.log.step() }
  }

  private var isQuiet: Bool {
    let summary = world.queue.summary(now: time.withLock { $0 })
    return clients.isEmpty && Self.unfinished(summary) == 0
  }

  /// A failure of which nobody was told yet is not the end of a message.
  private static func unfinished(_ summary: QueueSummary) -> Int {
    summary.queued + summary.sending + summary.deferred + summary.failed + summary.held
  }

  private func report() -> Report {
    let summary = world.queue.summary(now: time.withLock { $0 })
    oracle.finish(remaining: Self.unfinished(summary))
    defer {
      for link in clients.map(\.link) + upstreams.map(\.link) { link.hangUp() }
      world.pauses.stop()
      world.notices.stop()
      _ = world.dispatcher.stop()
      world.dispatcher.closeAll()
      world.loop.run()
    }
    var report = Report()
    report.trace = oracle.trace
    report.violations = oracle.violations
    if idleTurns > 0 { report.violations.append("mail was due and could move and did not, in \(idleTurns) turns") }
    report.promised = oracle.count(.promised)
    report.refused = oracle.count(.refused)
    report.undecided = oracle.count(.none)
    report.deliveries = oracle.deliveries
    report.failureNotices = oracle.failureNotices
    report.delayNotices = oracle.delayNotices
    report.orders = orders
    report.crashes = crashes
    report.failedSyncs = failedSyncs
    report.pauses = pauses
    report.pausedHours = pausedMinutes / 60
    return report
  }

  // MARK: the upstream's side

  fileprivate func connect(
    _ configure: (any Channel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<any Channel> {
    let loop = world.loop
    if !isCalm && generator.oneIn(10) { return loop.makeFailedFuture(ChannelError.connectTimeout(.seconds(1))) }
    let channel = EmbeddedChannel(handlers: [], loop: loop)
    let configured = configure(channel)
    channel.connect(to: try! SocketAddress(ipAddress: "192.0.2.99", port: 25), promise: nil)
    upstreams.append(SimulatedUpstream(link: SimulatedLink(channel: channel, gate: nil)))
    return configured.map { channel }
  }

  private static let log = EventLog(handler: SwiftLogNoOpLogHandler(), level: .critical)
  private static let clientTLS = try! TLSContext.client(authorities: nil, minimum: .v12)
}

/// The one thread there is: work that would block is done in the loop's next turn.
private struct NextTurn: WorkerThreads {
  func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    eventLoop.submit(work)
  }
}

/// Gives the dispatcher connections to the simulated upstream.
private struct SimulatedConnector: Connector {
  let simulation: NIOLoopBound<Simulation>

  func connect(
    host: String, port: Int, on eventLoop: any EventLoop,
    configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<any Channel> {
    simulation.value.connect(configure)
  }
}
