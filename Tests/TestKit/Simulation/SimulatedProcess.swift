// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Gateway
import NIOCore
import NIOEmbedded
import Queue
import SMTP

/// One life of the daemon: the parts of the gateway that carry mail, on one loop that the simulation turns.
final class SimulatedProcess {
  let loop: EmbeddedEventLoop
  let queue: MessageQueue
  let recovery: RecoveryReport
  let dispatcher: Dispatcher
  let notices: NoticeWriter
  let compactor: Compactor
  let space: SpaceWatch
  let submissions: SubmissionLoop
  let pauses: PauseControl
  private(set) var settings: Settings
  /// Nobody logs in; and to make one costs as much as some thousand messages.
  let logins = SimulatedProcess.sharedLogins
  let clock: Clock
  /// The queue does not keep them, or none of us would ever be freed.
  private let bells: (Bell<Dispatcher>, Bell<NoticeWriter>, Bell<Compactor>)

  /// What a process is given by its surroundings.
  struct Surroundings {
    var disk: SimulatedDisk
    var plan: SimulationPlan
    var settings: Settings
    var pauseMemory: PauseMemory
    var quotas: any QuotaStorage
    var log: EventLog
    var salt: UInt64
    /// Throws what makes a start impossible.
    var simulation: Simulation
  }

  init(_ surroundings: Surroundings) throws {
    let (plan, log, settings) = (surroundings.plan, surroundings.log, surroundings.settings)
    self.settings = settings
    loop = EmbeddedEventLoop()
    let bound = NIOLoopBound(surroundings.simulation, eventLoop: loop)
    clock = Clock(now: { bound.value.now }, zoneOffset: { _ in 3_600 })
    let wakeUp = Bell<Dispatcher>(eventLoop: loop)
    let bell = Bell<NoticeWriter>(eventLoop: loop)
    let compactionBell = Bell<Compactor>(eventLoop: loop)
    (queue, recovery) = try MessageQueue.open(
      disk: surroundings.disk, policy: plan.policy, now: clock.now(), salt: surroundings.salt, host: "gateway",
      router: settings.routes, finishedMail: surroundings.simulation.history,
      ready: { [weak wakeUp] in wakeUp?.ring() }, noticesDue: { [weak bell] in bell?.ring() },
      compactionDue: { [weak compactionBell] in compactionBell?.ring() })
    bells = (wakeUp, bell, compactionBell)
    let threads = SimulatedThreads(simulation: bound)
    let parts = Dispatcher.Parts(
      queue: queue, connector: SimulatedConnector(simulation: bound), threads: threads, clock: clock,
      random: { bound.value.random() }, log: log,
      quotas: QuotaBook(storage: surroundings.quotas, threads: threads, eventLoop: loop, clock: clock),
      logins: { SimulatedLogin(simulation: bound, name: $0.name) })
    pauses = PauseControl(
      storage: surroundings.pauseMemory, clock: clock, log: log, eventLoop: loop, threads: NextTurn())
    dispatcher = Dispatcher(
      parts: parts, settings: settings, pauses: pauses.current, eventLoop: loop, wakeUp: wakeUp, board: HealthBoard())
    notices = NoticeWriter(
      queue: queue, threads: threads, clock: clock, log: log, settings: settings, eventLoop: loop, bell: bell)
    compactor = Compactor(
      queue: queue, threads: threads, clock: clock, log: log, eventLoop: loop, bell: compactionBell)
    submissions = SubmissionLoop(eventLoop: loop, log: log)
    space = Self.watch(queue, surroundings, clock)
    let loop = loop
    pauses.start { pauses in loop.execute { bound.value.adopt(pauses, loop) } }
    let workers = NIOLoopBound((dispatcher, notices, compactor), eventLoop: loop)
    loop.execute {
      workers.value.0.run()
      workers.value.1.run()
      workers.value.2.run()
    }
  }

  private static func watch(
    _ queue: MessageQueue, _ surroundings: Surroundings, _ clock: Clock
  ) -> SpaceWatch {
    let (disk, log) = (surroundings.disk, surroundings.log)
    return SpaceWatch(
      parts: SpaceWatch.Parts(
        measure: {
          guard let free = try? disk.freeOctets() else { return nil }
          return FileSystem(octets: 1 << 40, freeOctets: free, freeInodes: try? disk.freeInodes())
        },
        condition: { queue.log.condition }, messages: { queue.summary(now: clock.now()).messages },
        now: { clock.now().monotonic }, report: { log.report($0) }, spaceIsShort: { queue.spaceIsShort($0) },
        reserve: SimulatedReserve(disk: disk, octets: Int64(surroundings.plan.segmentOctets))),
      surroundings.settings.configuration.queue)
  }

  /// As the gateway does it: what waits goes the new ways too. `inForce` is called when the relay works with it.
  func reload(_ new: Settings, inForce: @escaping @Sendable () -> Void) {
    let old = settings
    settings = new
    let bound = NIOLoopBound(dispatcher, eventLoop: loop)
    let replace = { [loop] (routing: UInt32) in
      loop.execute {
        inForce()
        bound.value.replace(new, routing: routing)
      }
    }
    guard new.routes != old.routes else { return replace(queue.routing) }
    queue.adopt(new.routes, begun: replace)
  }

  /// From here on it writes nothing: its disk is gone.
  func end() {
    loop.run()
    pauses.stop()
    notices.stop()
    compactor.stop()
    _ = dispatcher.stop()
    dispatcher.closeAll()
    // What a thread still does, it does to a disk that is gone.
    loop.advanceTime(by: .milliseconds(SimulatedThreads.delayMax))
    // It would keep the writer, and all that this works with.
    bells.1.attach(nil)
  }

  private static let sharedLogins = LoginChecker(
    settings: SettingsHolder(Settings.plain(SimulationPlan.configuration)),
    clock: Clock(now: { Instant(wall: 0, monotonic: 0) }, zoneOffset: { _ in 0 }), threads: NextTurn())

  func summary() -> QueueSummary { queue.summary(now: clock.now()) }

  var views: [MessageView] { queue.page(after: nil, limit: .max) }

  /// Messages that move by themselves. A failure of which nobody was told yet is not the end of a message.
  var moving: Int {
    let summary = summary()
    return summary.queued + summary.sending + summary.deferred + summary.failed + summary.held
  }

  var unfinished: Int { moving + summary().dropped }
}

/// Gives the dispatcher connections to simulated upstreams.
private struct SimulatedConnector: Connector {
  let simulation: NIOLoopBound<Simulation>

  func connect(
    to destination: Destination, on eventLoop: any EventLoop,
    configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<any Channel> {
    simulation.value.connect(destination.host, configure)
  }
}

/// Where connections get their login from: nobody asks for one, but there may be none to be had.
private struct SimulatedLogin: LoginSource {
  let simulation: NIOLoopBound<Simulation>
  let name: String

  func login(on eventLoop: any EventLoop) -> EventLoopFuture<ClientLogin?> {
    if let trouble = simulation.value.loginTrouble(name) { return eventLoop.makeFailedFuture(trouble) }
    return eventLoop.makeSucceededFuture(nil)
  }

  func accepted(_ login: ClientLogin) {}

  func refused(_ login: ClientLogin, on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
    eventLoop.makeSucceededFuture(false)
  }
}
