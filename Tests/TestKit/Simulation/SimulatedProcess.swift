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
  let submissions: SubmissionLoop
  let pauses: PauseControl
  /// Nobody logs in; and to make one costs as much as some thousand messages.
  let logins = SimulatedProcess.sharedLogins
  let clock: Clock

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
    (queue, recovery) = try MessageQueue.open(
      disk: surroundings.disk, policy: plan.policy, now: clock.now(), salt: surroundings.salt, host: "gateway",
      ready: { wakeUp.ring() }, noticesDue: { bell.ring() })
    let threads = NextTurn()
    let parts = Dispatcher.Parts(
      queue: queue, connector: SimulatedConnector(simulation: bound), threads: threads, clock: clock,
      random: { bound.value.random() }, log: log)
    pauses = PauseControl(
      storage: surroundings.pauseMemory, clock: clock, log: log, eventLoop: loop, threads: threads)
    dispatcher = Dispatcher(
      parts: parts, settings: settings, pauses: pauses.current, eventLoop: loop, wakeUp: wakeUp, board: HealthBoard())
    notices = NoticeWriter(
      queue: queue, threads: threads, clock: clock, log: log, settings: settings, eventLoop: loop, bell: bell)
    submissions = SubmissionLoop(eventLoop: loop)
    let loop = loop
    pauses.start { pauses in loop.execute { bound.value.adopt(pauses, loop) } }
    let workers = NIOLoopBound((dispatcher, notices), eventLoop: loop)
    loop.execute {
      workers.value.0.run()
      workers.value.1.run()
    }
  }

  /// From here on it writes nothing: its disk is gone.
  func end() {
    loop.run()
    pauses.stop()
    notices.stop()
    _ = dispatcher.stop()
    dispatcher.closeAll()
    loop.run()
  }

  private static let sharedLogins = LoginChecker(
    settings: SettingsHolder(SimulationPlan.settings(mayExpire: false)),
    clock: Clock(now: { Instant(wall: 0, monotonic: 0) }, zoneOffset: { _ in 0 }), threads: NextTurn())

  func summary() -> QueueSummary { queue.summary(now: clock.now()) }

  var views: [MessageView] { queue.page(after: nil, limit: .max) }

  /// A failure of which nobody was told yet is not the end of a message.
  var unfinished: Int {
    let summary = summary()
    return summary.queued + summary.sending + summary.deferred + summary.failed + summary.held
  }
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
