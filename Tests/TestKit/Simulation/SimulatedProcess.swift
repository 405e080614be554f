// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Gateway
import NIOCore
import NIOEmbedded
import Queue

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
  /// Nobody logs in; and to make one costs as much as some thousand messages.
  let logins = SimulatedProcess.sharedLogins
  let clock: Clock
  /// The queue does not keep them, or none of us would ever be freed.
  private let bells: (Bell<Dispatcher>, Bell<NoticeWriter>, Bell<Compactor>)

  /// What a process is given by its surroundings.
  struct Surroundings {
    var disk: SimulatedDisk
    var plan: SimulationPlan
    var pauseMemory: PauseMemory
    var log: EventLog
    var salt: UInt64
    /// Throws what makes a start impossible.
    var simulation: Simulation
  }

  init(_ surroundings: Surroundings) throws {
    let (plan, log, settings) = (surroundings.plan, surroundings.log, surroundings.plan.settings)
    loop = EmbeddedEventLoop()
    let bound = NIOLoopBound(surroundings.simulation, eventLoop: loop)
    clock = Clock(now: { bound.value.now }, zoneOffset: { _ in 3_600 })
    let wakeUp = Bell<Dispatcher>(eventLoop: loop)
    let bell = Bell<NoticeWriter>(eventLoop: loop)
    let compactionBell = Bell<Compactor>(eventLoop: loop)
    (queue, recovery) = try MessageQueue.open(
      disk: surroundings.disk, policy: plan.policy, now: clock.now(), salt: surroundings.salt, host: "gateway",
      finishedMail: surroundings.simulation.history,
      ready: { [weak wakeUp] in wakeUp?.ring() }, noticesDue: { [weak bell] in bell?.ring() },
      compactionDue: { [weak compactionBell] in compactionBell?.ring() })
    bells = (wakeUp, bell, compactionBell)
    let threads = SimulatedThreads(simulation: bound)
    let parts = Dispatcher.Parts(
      queue: queue, connector: SimulatedConnector(simulation: bound), threads: threads, clock: clock,
      random: { bound.value.random() }, log: log)
    pauses = PauseControl(
      storage: surroundings.pauseMemory, clock: clock, log: log, eventLoop: loop, threads: NextTurn())
    dispatcher = Dispatcher(
      parts: parts, settings: settings, pauses: pauses.current, eventLoop: loop, wakeUp: wakeUp, board: HealthBoard())
    notices = NoticeWriter(
      queue: queue, threads: threads, clock: clock, log: log, settings: settings, eventLoop: loop, bell: bell)
    compactor = Compactor(
      queue: queue, threads: threads, clock: clock, log: log, eventLoop: loop, bell: compactionBell)
    submissions = SubmissionLoop(eventLoop: loop)
    space = Self.watch(queue, surroundings.disk, plan, clock, log)
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
    _ queue: MessageQueue, _ disk: SimulatedDisk, _ plan: SimulationPlan, _ clock: Clock, _ log: EventLog
  ) -> SpaceWatch {
    SpaceWatch(
      parts: SpaceWatch.Parts(
        measure: {
          guard let free = try? disk.freeOctets() else { return nil }
          return FileSystem(octets: 1 << 40, freeOctets: free, freeInodes: try? disk.freeInodes())
        },
        condition: { queue.log.condition }, messages: { queue.summary(now: clock.now()).messages },
        now: { clock.now().monotonic }, report: { log.report($0) }, spaceIsShort: { queue.spaceIsShort($0) },
        reserve: SimulatedReserve(disk: disk, octets: Int64(plan.segmentOctets))),
      plan.settings.configuration.queue)
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
    settings: SettingsHolder(SimulationPlan.settings(SimulationPlan.configuration)),
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

/// Gives the dispatcher connections to the simulated upstream.
private struct SimulatedConnector: Connector {
  let simulation: NIOLoopBound<Simulation>

  func connect(
    to destination: Destination, on eventLoop: any EventLoop,
    configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<any Channel> {
    simulation.value.connect(configure)
  }
}
