// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// The threads of a gateway, by what they may wait for. The log's writer and the history have their own. The event loops
/// are made in this order, and so numbered in what `top -H` shows.
struct Threads: Sendable {
  /// The console may wait for the disk, so it has a loop that serves no mail.
  let console = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  /// Asks the other loops whether they live, so it is none of them.
  let health = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  /// One loop for two cores: a second one only adds wake-ups to a load that the kernel dominates.
  let mail = MultiThreadedEventLoopGroup(numberOfThreads: max(1, System.coreCount / 2))
  let login = NIOThreadPool(numberOfThreads: 1)
  let disk = NIOThreadPool(numberOfThreads: 1)
  /// Who looks through the history takes the time of nobody else.
  let search = NIOThreadPool(numberOfThreads: 1)

  /// The system's resolver may wait for half a minute; a name that nobody knows does not keep the next one waiting.
  let resolvers = NIOThreadPool(numberOfThreads: 2)

  /// What the relay has: an upstream that asks for a million rounds of a hash keeps nobody from the disk.
  var relay: any WorkerThreads { RelayThreads(disk: disk, login: login) }

  private var pools: [NIOThreadPool] { [login, disk, search, resolvers] }

  /// Event loops run from the beginning.
  func startPools() {
    for pool in pools { pool.start() }
  }

  /// Ends them all, when nothing is left to do for them.
  func stop() {
    for pool in pools { try? pool.syncShutdownGracefully() }
    for group in [console, health, mail] { try? group.syncShutdownGracefully() }
  }
}

private struct RelayThreads: WorkerThreads {
  let disk: NIOThreadPool
  let login: NIOThreadPool

  func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    disk.runIfActive(eventLoop: eventLoop, work)
  }

  func compute<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    login.runIfActive(eventLoop: eventLoop, work)
  }
}
