// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// How the gateway ends, and how a start that failed is taken back.
extension Gateway {
  /// Time for sessions and deliveries to end by themselves at a stop.
  static let drainSeconds = 10

  /// Drains: no new connections, replies that are due go out, deliveries under way end, for `drainSeconds` at most.
  /// The queue needs nothing of this.
  package func stop() {
    reloads.withLock { _ in isStopping.store(true, ordering: .relaxed) }
    administration.withLock { $0?.stopChanges() }
    stopHealth()
    notifier.stopping()
    pauses.stop()
    let sessions =
      (try? EventLoopFuture.whenAllSucceed(sessionLoops.map { $0.sessionCount() }, on: dispatcherLoop).wait())
    log.report(.stopping(sessions: sessions?.reduce(0, +) ?? 0))
    listeners.close()
    let deliveries = dispatcherLoop.flatSubmit {
      self.notices.value.stop()
      self.compactor.value.stop()
      return self.dispatcher.value.stop()
    }
    // Behind the dispatcher, which takes a login that fails now for no trouble of the upstream.
    let atRest = dispatcherLoop.makePromise(of: Void.self)
    dispatcherLoop.execute { self.tokens.stop().whenComplete { _ in atRest.succeed() } }
    let drained = sessionLoops.map { $0.drain() } + [deliveries, atRest.futureResult]
    let timeout = dispatcherLoop.scheduleTask(in: .seconds(Int64(Self.drainSeconds))) {
      for loop in self.sessionLoops { loop.closeAll() }
      self.dispatcher.value.closeAll()
      atRest.succeed()
    }
    try? EventLoopFuture.andAllComplete(drained, on: dispatcherLoop).wait()
    timeout.cancel()
    takeDown()
  }

  /// The parts in the order in which they need each other no more.
  func takeDown() {
    stopHealth()
    try? administration.withLock { $0.take() }?.stop().wait()
    listeners.close()
    storage.close(directory: settings.current.configuration.queue.directory)
    threads.stop()
  }
}
