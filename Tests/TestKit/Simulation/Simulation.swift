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
    package var crashes = 0
    package var failedSyncs = 0

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

  /// One life of the process.
  private final class World {
    let loop: EmbeddedEventLoop
    let queue: MessageQueue
    let dispatcher: Dispatcher
    let submissions: SubmissionLoop
    let logins: LoginChecker
    let clock: Clock

    init(
      _ loop: EmbeddedEventLoop, _ queue: MessageQueue, _ dispatcher: Dispatcher, _ logins: LoginChecker, _ clock: Clock
    ) {
      self.loop = loop
      self.queue = queue
      self.dispatcher = dispatcher
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
    case 80..<97: advance(generator.oneIn(12) ? 20_000 : Int64.random(in: 0...40, using: &generator))
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

  private func advance(_ milliseconds: Int64) {
    time.withLock {
      $0.wall += milliseconds
      $0.monotonic += milliseconds
    }
    world.loop.advanceTime(by: .milliseconds(milliseconds))
  }

  private func openClient() {
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
    clients.append(SimulatedClient(link: SimulatedLink(channel: channel, gate: gate), content: makeContent()))
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
    let policy = QueuePolicy(retry: settings.configuration.queue.retry, segmentOctets: 1 << 18)
    let queue: MessageQueue
    do {
      queue = try MessageQueue.open(
        disk: disk, policy: policy, now: clock.now(), salt: generator.next(), ready: { wakeUp.ring() }
      ).queue
    } catch {
      preconditionFailure("the simulated spool cannot be opened: \(error)")
    }
    let parts = Dispatcher.Parts(
      queue: queue, connector: SimulatedConnector(simulation: bound), threads: NextTurn(),
      clock: clock, random: { bound.value.generator.next() }, log: Self.log)
    let dispatcher = Dispatcher(
      parts: parts, settings: settings, eventLoop: loop, wakeUp: wakeUp, board: HealthBoard())
    let logins = LoginChecker(settings: SettingsHolder(settings), clock: clock, threads: NextTurn())
    world = World(loop, queue, dispatcher, logins, clock)
    loop.execute { bound.value.world.dispatcher.run() }
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
    return clients.isEmpty && summary.queued + summary.sending + summary.deferred == 0
  }

  private func report() -> Report {
    let summary = world.queue.summary(now: time.withLock { $0 })
    oracle.finish(remaining: summary.queued + summary.sending + summary.deferred)
    defer {
      for link in clients.map(\.link) + upstreams.map(\.link) { link.hangUp() }
      _ = world.dispatcher.stop()
      world.dispatcher.closeAll()
      world.loop.run()
    }
    var report = Report()
    report.trace = oracle.trace
    report.violations = oracle.violations
    report.promised = oracle.count(.promised)
    report.refused = oracle.count(.refused)
    report.undecided = oracle.count(.none)
    report.deliveries = oracle.deliveries
    report.crashes = crashes
    report.failedSyncs = failedSyncs
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
