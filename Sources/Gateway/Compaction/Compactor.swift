// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Queue

/// Keeps the log small: has the queue copy what lives in the oldest segment, a piece at a time, on a thread that may wait
/// for the disk. The queue decides what and when (`MessageQueue.compact`); this only asks it.
///
/// Lives on one event loop: every method is called there. A `Bell` reaches it from elsewhere.
package final class Compactor: BellListener {
  private enum Phase {
    case idle
    case working
    /// The disk did not want it, or somebody has what lives there; the timer goes on.
    case resting
  }

  private let queue: MessageQueue
  private let threads: any WorkerThreads
  private let clock: Clock
  private let log: EventLog
  private let eventLoop: any EventLoop
  private var phase = Phase.idle
  /// It rang while a piece was being copied.
  private var isMoreDue = false
  private var timer: Scheduled<Void>?
  private var isStopping = false

  package init(
    queue: MessageQueue, threads: any WorkerThreads, clock: Clock, log: EventLog, eventLoop: any EventLoop,
    bell: Bell<Compactor>
  ) {
    self.queue = queue
    self.threads = threads
    self.clock = clock
    self.log = log
    self.eventLoop = eventLoop
    bell.attach(self)
  }

  /// There may be something to copy.
  package func run() {
    guard !isStopping else { return }
    switch phase {
    case .resting: return
    case .working: isMoreDue = true
    case .idle:
      isMoreDue = false
      phase = .working
      let (queue, clock) = (queue, clock)
      let bound = NIOLoopBound(self, eventLoop: eventLoop)
      threads.run(on: eventLoop) { try queue.compact(now: clock.now()) }.whenComplete { bound.value.ended($0) }
    }
  }

  /// What is on its way to the disk counts if it arrives, and else is where it was.
  package func stop() {
    isStopping = true
    timer?.cancel()
  }

  private func ended(_ result: Result<CompactionProgress, any Error>) {
    guard !isStopping else { return }
    switch result {
    case .success(.idle), .success(.underWay):
      phase = .idle
      if isMoreDue { run() }
    case .success(.blocked), .success(.refused): rest()
    case .failure(let error):
      log.report(.spoolDamaged("\(error)"))
      rest()
    }
  }

  private func rest() {
    phase = .resting
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timer = eventLoop.scheduleTask(in: .seconds(Self.restSeconds)) {
      bound.value.phase = .idle
      bound.value.run()
    }
  }

  /// A pass over a queue of a million messages costs a tenth of a second.
  private static let restSeconds: Int64 = 15
}
