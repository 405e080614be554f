// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CSupport
import Glibc
import Synchronization

/// The thread that steps a log. An acceptance is written and synced as soon as the thread is free; a batch that holds
/// only changes is written as soon as the thread is free, and synced with the next acceptance or after 50 ms.
package final class LogWriter: Sendable {
  private let log: WriteAheadLog
  private let state = Mutex(State.created)

  private enum State {
    case created
    case running(pthread_t)
    case stopped
  }

  private let isStopping = Atomic(false)

  package init(log: WriteAheadLog) {
    self.log = log
  }

  /// Starts the thread. Call once.
  package func start() {
    state.withLock { state in
      guard case .created = state else { preconditionFailure("the log writer was started twice") }
      var thread = pthread_t()
      let argument = Unmanaged.passRetained(self).toOpaque()
      let code = pthread_create(
        &thread, nil,
        { argument in
          csupport_name_thread("log-writer")
          let writer = Unmanaged<LogWriter>.fromOpaque(argument!).takeRetainedValue()
          writer.run()
          return nil
        }, argument)
      precondition(code == 0, "no thread for the log writer: \(String(cString: strerror(code)))")
      state = .running(thread)
    }
  }

  /// Makes durable what was appended before, and ends the thread. If the disk fails, what is owed stays in memory and
  /// is lost: acceptances had their answer, outcomes only risk duplicates.
  package func stop() {
    let thread: pthread_t? = state.withLock { state in
      defer { state = .stopped }
      if case .running(let thread) = state { return thread }
      return nil
    }
    guard let thread else { return }
    isStopping.store(true, ordering: .releasing)
    log.wake()
    pthread_join(thread, nil)
  }

  /// Until there may be something to do.
  private func rest() {
    guard log.hasLargeSpares else {
      _ = log.wakeup.wait(milliseconds: nil)
      return
    }
    if log.wakeup.wait(milliseconds: LogLimits.spareMilliseconds) >= LogLimits.spareMilliseconds {
      log.dropLargeSpares()
    }
  }

  private func run() {
    var lingered: Int64 = 0
    while true {
      let isStopping = isStopping.load(ordering: .acquiring)
      let mayLinger = !isStopping && lingered < LogLimits.lingerMillisecondsMax
      let result = log.step(mayLinger: mayLinger)
      if result != .lingering { lingered = 0 }
      if log.hasOpenBatch && result != .owing {
        // Changes that keep coming must not put off the sync: no clock is read here, so each write costs its share.
        if result == .lingering { lingered += LogLimits.lingerMillisecondsPerWrite }
        continue
      }
      if isStopping && result != .lingering {
        while log.hasOpenBatch { log.step() }
        return
      }
      switch result {
      case .idle, .synced: rest()
      case .lingering: lingered += log.wakeup.wait(milliseconds: max(1, LogLimits.lingerMillisecondsMax - lingered))
      case .owing: _ = log.wakeup.wait(milliseconds: LogLimits.debtRetryMilliseconds)
      }
    }
  }
}
