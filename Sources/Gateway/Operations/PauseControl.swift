// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import NIOCore
import Queue
import Synchronization

/// Keeps what is paused by hand: changes it when somebody asks, ends it when its time is over, and has it written down
/// before anybody is told. It decides nothing about mail: `effect` tells those who do.
///
/// `pause` and `resume` may wait for the disk and are called on any thread but an event loop that carries mail.
package final class PauseControl: Sendable {
  /// What is in force now, in the order in which it came to be; called on any thread, must not wait.
  package typealias Effect = @Sendable (Pauses) -> Void

  private struct State {
    var pauses = Pauses()
    /// Monotonic milliseconds, of those that end by themselves.
    var ends: [PauseTarget: Int64] = [:]
  }

  /// The timer looks again at least so often: it does not run while the machine sleeps, and our clock does.
  private static let lookMilliseconds: Int64 = 60_000

  private let storage: any PauseStorage
  private let clock: Clock
  private let log: EventLog
  private let eventLoop: any EventLoop
  private let threads: any WorkerThreads
  /// Held while one change is written and told, so that there is one at a time; readers do not wait for it.
  private let changes = Mutex(())
  private let state: Mutex<State>
  private let effect = Mutex<Effect?>(nil)
  private let timer: NIOLoopBoundBox<Scheduled<Void>?>

  /// Reads what was in force when the last process ended.
  package init(
    storage: any PauseStorage, clock: Clock, log: EventLog, eventLoop: any EventLoop, threads: any WorkerThreads
  ) {
    self.storage = storage
    self.clock = clock
    self.log = log
    self.eventLoop = eventLoop
    self.threads = threads
    timer = .makeBoxSendingValue(nil, eventLoop: eventLoop)
    state = Mutex(Self.restore(storage, now: clock.now(), log))
  }

  /// Tells what is in force, and from now on each change. Once, before anybody pauses or resumes.
  package func start(_ effect: @escaping Effect) {
    self.effect.withLock { $0 = effect }
    effect(current)
    eventLoop.execute { self.schedule() }
  }

  package var current: Pauses { state.withLock { $0.pauses } }

  /// Takes no further part.
  package func stop() {
    eventLoop.execute {
      self.timer.value?.cancel()
      self.timer.value = nil
    }
  }

  // MARK: changes

  /// `until` is wall time in milliseconds; nil: until somebody resumes. What is paused already gets the new end and
  /// reason. Returns what is in force, and whether it was not before. If it cannot be written down nothing changes.
  package func pause(
    _ target: PauseTarget, until: Int64?, by: String, reason: String?
  ) throws(PauseError) -> (pause: Pause, isNew: Bool) {
    try changes.withLock { _ throws(PauseError) in
      let now = clock.now()
      var new = state.withLock { $0 }
      let old = new.pauses[target]
      let pause = Pause(
        target, since: old?.since ?? Timestamp(milliseconds: now.wall),
        until: until.map { Timestamp(milliseconds: $0) }, by: by, reason: reason)
      new.pauses[target] = pause
      new.ends[target] = until.map { now.monotonic + max(0, $0 - now.wall) }
      try storage.write(new.pauses)
      publish(new)
      log.report(.pausedByHand(pause))
      return (pause, old == nil)
    }
  }

  /// Returns what was in force; nil if nothing was.
  package func resume(_ target: PauseTarget, by: String) throws(PauseError) -> Pause? {
    try changes.withLock { _ throws(PauseError) in
      var new = state.withLock { $0 }
      guard let old = new.pauses[target] else { return nil }
      new.pauses[target] = nil
      new.ends[target] = nil
      try storage.write(new.pauses)
      publish(new)
      log.report(.resumedByHand(old, by: by))
      return old
    }
  }

  /// Ends those whose time is over. On a thread that may wait.
  private func endThoseThatAreOver() {
    changes.withLock { _ in
      let now = clock.now().monotonic
      var new = state.withLock { $0 }
      let over = new.pauses.targets.filter { new.ends[$0].map { $0 <= now } ?? false }
      guard !over.isEmpty else { return }
      let ended = over.compactMap { new.pauses[$0] }
      for target in over {
        new.pauses[target] = nil
        new.ends[target] = nil
      }
      // A disk that does not take it changes nothing: the next start reads in the file that the time is over.
      try? storage.write(new.pauses)
      publish(new)
      for pause in ended { log.report(.pauseEnded(pause)) }
    }
  }

  private func publish(_ new: State) {
    state.withLock { $0 = new }
    effect.withLock { $0 }?(new.pauses)
    eventLoop.execute { self.schedule() }
  }

  // MARK: time

  private func schedule() {
    timer.value?.cancel()
    timer.value = nil
    guard let end = state.withLock({ $0.ends.values.min() }) else { return }
    let rest = min(max(end - clock.now().monotonic, 1), Self.lookMilliseconds)
    timer.value = eventLoop.scheduleTask(in: .milliseconds(rest)) { self.look() }
  }

  private func look() {
    guard let end = state.withLock({ $0.ends.values.min() }), end <= clock.now().monotonic else { return schedule() }
    _ = threads.run(on: eventLoop) { self.endThoseThatAreOver() }
  }

  // MARK: the start

  private static func restore(_ storage: any PauseStorage, now: Instant, _ log: EventLog) -> State {
    var state = State()
    do throws(PauseError) {
      state.pauses = try storage.read()
    } catch {
      // Mail that left cannot be called back, and mail that waits can be sent; clients that are refused may lose theirs.
      let pause = Pause(
        .outgoing, since: Timestamp(milliseconds: now.wall), until: nil, by: "posternd",
        reason: "what was paused before the start is not known")
      state.pauses[.outgoing] = pause
      log.report(.pausesUnreadable(error.description))
      return state
    }
    for target in state.pauses.targets {
      guard let pause = state.pauses[target], let until = pause.until else { continue }
      // However wrong the clock was or is, no pause has more left than its whole length.
      let rest = min(until.milliseconds - now.wall, until.milliseconds - pause.since.milliseconds)
      if rest > 0 {
        state.ends[target] = now.monotonic + rest
      } else {
        state.pauses[target] = nil
        log.report(.pauseEnded(pause))
      }
    }
    return state
  }
}
