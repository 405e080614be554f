// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CSupport
import Glibc
import Queue
import Synchronization
import WAL

/// Writes a line for each message that is finished, on a thread of its own. Mail never waits for it: what the disk does
/// not take in time is not remembered, and the log says so once when that begins and once when it is over.
package final class HistoryWriter: FinishedMail {
  /// What is remembered at most while the disk is busy: some seconds of the fastest relaying.
  static let endingsMax = 20_000
  /// Lines of one write.
  private static let octetsPerWrite = 256 << 10
  /// What ends within so long is written together: a write and a wake-up for each message cost more than the lines.
  private static let gatherMicroseconds: UInt32 = 20_000
  /// How often age is looked at while no mail ends.
  private static let idleMilliseconds: Int64 = 3_600_000

  let directory: HistoryDirectory
  private let clock: Clock
  private let report: @Sendable (Event) -> Void
  private let state: Mutex<State>
  private let wakeup = Wakeup()

  private struct State {
    var endings: [Ending] = []
    /// Messages that found no room in `endings`.
    var overflow = 0
    /// Milliseconds; nil is no history.
    var keep: Int64?
    var isStopping = false
    var thread: pthread_t?
  }

  init(
    _ directory: HistoryDirectory, keep: Int64?, clock: Clock, report: @escaping @Sendable (Event) -> Void
  ) {
    self.directory = directory
    self.clock = clock
    self.report = report
    state = Mutex(State(keep: keep))
  }

  // MARK: Any thread

  package func finished(_ mail: [Ending]) {
    let isFirst = state.withLock { state in
      guard state.keep != nil else { return false }
      let isFirst = state.endings.isEmpty
      let room = mail.prefix(Self.endingsMax - state.endings.count)
      state.endings.append(contentsOf: room)
      state.overflow += mail.count - room.count
      return isFirst
    }
    // Whoever came before has woken the thread, and it takes all that it finds.
    if isFirst { wakeup.signal() }
  }

  /// From now on; what is too old then goes.
  func adopt(keep: Int64?) {
    state.withLock { state in
      state.keep = keep
      if keep == nil { state.endings = [] }
    }
    wakeup.signal()
  }

  /// Starts the thread. Call once.
  func start() {
    state.withLock { state in
      precondition(state.thread == nil, "the history writer was started twice")
      var thread = pthread_t()
      let code = pthread_create(
        &thread, nil,
        { argument in
          csupport_name_thread("history")
          Unmanaged<HistoryWriter>.fromOpaque(argument!).takeRetainedValue().run()
          return nil
        }, Unmanaged.passRetained(self).toOpaque())
      precondition(code == 0, "no thread for the history: \(String(cString: strerror(code)))")
      state.thread = thread
    }
  }

  /// Writes what it was told before, and ends the thread.
  func stop() {
    let thread = state.withLock { state in
      state.isStopping = true
      defer { state.thread = nil }
      return state.thread
    }
    guard let thread else { return }
    wakeup.signal()
    pthread_join(thread, nil)
  }

  // MARK: Its own thread

  private func run() {
    var book = HistoryBook(directory)
    /// Messages that are not remembered since the disk began to fail; nil while it does not.
    var lost: Int?
    while true {
      let (endings, overflow, keep, isStopping) = state.withLock { state in
        defer {
          state.endings = []
          state.overflow = 0
        }
        return (state.endings, state.overflow, state.keep, state.isStopping)
      }
      let missed = write(endings, keep: keep, to: &book)
      if let reason = missed.reason ?? (overflow > 0 ? "the disk does not follow" : nil) {
        if lost == nil { report(.historyLost(reason)) }
        lost = (lost ?? 0) + missed.messages + overflow
      } else if let found = lost, !endings.isEmpty {
        report(.historyResumed(lost: found))
        lost = nil
      }
      if isStopping { return }
      _ = wakeup.wait(milliseconds: Self.idleMilliseconds)
      if !state.withLock({ $0.isStopping }) { usleep(Self.gatherMicroseconds) }
    }
  }

  private func write(
    _ endings: [Ending], keep: Int64?, to book: inout HistoryBook
  ) -> (messages: Int, reason: String?) {
    var missed = 0
    var failure: HistoryError?
    do throws(HistoryError) {
      try book.turn(keep: keep, now: clock.now().wall)
    } catch {
      failure = error
    }
    guard keep != nil else { return (0, failure?.description) }
    var octets: [UInt8] = []
    var messages = 0
    for (place, ending) in endings.enumerated() {
      HistoryLine.append(ending.mail, upstream: ending.upstream, to: &octets)
      messages += 1
      guard octets.count >= Self.octetsPerWrite || place == endings.count - 1 else { continue }
      do throws(HistoryError) {
        try book.append(octets, now: clock.now().wall)
      } catch {
        failure = error
        missed += messages
      }
      octets.removeAll(keepingCapacity: true)
      messages = 0
    }
    return (missed, failure?.description)
  }
}
