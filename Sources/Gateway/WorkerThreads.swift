// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// Runs what may block or takes long away from the event loops: a thread pool, or the simulator's own turn.
package protocol WorkerThreads: Sendable {
  func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome>

  /// The same for what only computes, for up to seconds.
  func compute<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome>
}

extension WorkerThreads {
  package func compute<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    run(on: eventLoop, work)
  }
}

extension NIOThreadPool: WorkerThreads {
  package func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    runIfActive(eventLoop: eventLoop, work)
  }
}
