// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Gateway
import NIOCore
import Queue

/// The one thread there is: work that would block is done in the loop's next turn.
struct NextTurn: WorkerThreads {
  func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    eventLoop.submit(work)
  }
}

/// Threads that do their work when the simulation lets them: at once, or after others had their turn, or never, if the
/// process ends before.
struct SimulatedThreads: WorkerThreads {
  /// Milliseconds of virtual time; nothing waits for longer.
  static let delayMax: Int64 = 60

  let simulation: NIOLoopBound<Simulation>

  func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    let simulation = simulation
    let observed: @Sendable () throws -> Outcome = {
      let outcome = try work()
      if let progress = outcome as? CompactionProgress { simulation.value.note(progress) }
      return outcome
    }
    guard let delay = simulation.value.threadDelay() else { return eventLoop.submit(observed) }
    return eventLoop.scheduleTask(in: .milliseconds(delay), observed).futureResult
  }
}
