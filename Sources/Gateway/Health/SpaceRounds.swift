// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// When the `SpaceWatch` looks: once a second while sessions ask whether mail is taken, the log is written or something is
/// short, and else every ten seconds, or as soon as a session asks. So a disk that fills is seen in time when there is
/// mail, and an idle machine sleeps.
///
/// Lives on one event loop; the looks themselves are made on a thread that may wait for the disk.
final class SpaceRounds: Sendable {
  private struct State {
    /// nil while a look is under way.
    var timer: Scheduled<Void>?
    /// In a row.
    var calmLooks = 0
    var isStopped = false
  }

  private static let pause = TimeAmount.seconds(1)
  private static let rest = TimeAmount.seconds(10)
  /// A session that thinks for some seconds between its commands lets nobody go to rest.
  private static let calmLooksMin = 10

  private let watch: SpaceWatch
  private let eventLoop: any EventLoop
  private let threads: any WorkerThreads
  private let state: NIOLoopBoundBox<State>

  init(_ watch: SpaceWatch, on eventLoop: any EventLoop, threads: any WorkerThreads) {
    self.watch = watch
    self.eventLoop = eventLoop
    self.threads = threads
    state = .makeBoxSendingValue(State(), eventLoop: eventLoop)
  }

  func start() {
    eventLoop.execute { self.wait(Self.pause) }
  }

  func stop() {
    eventLoop.execute {
      self.state.value.isStopped = true
      self.state.value.timer?.cancel()
    }
  }

  private func wait(_ time: TimeAmount) {
    guard !state.value.isStopped else { return }
    state.value.timer = eventLoop.scheduleTask(in: time) {
      // One that was due when it was cancelled fires all the same.
      if self.state.value.timer != nil { self.look() }
    }
  }

  /// The next look is due when this one has ended, however long the disk takes.
  private func look() {
    state.value.timer = nil
    threads.run(on: eventLoop) { self.watch.look() }.whenComplete { _ in self.looked() }
  }

  private func looked() {
    state.value.calmLooks = watch.isCalm ? state.value.calmLooks + 1 : 0
    guard state.value.calmLooks >= Self.calmLooksMin else { return wait(Self.pause) }
    let mayRest = watch.admission.callWhenAsked { [eventLoop] in eventLoop.execute { self.wake() } }
    wait(mayRest ? Self.rest : Self.pause)
  }

  /// A session asks, and what it heard may be ten seconds old.
  private func wake() {
    guard let timer = state.value.timer, !state.value.isStopped else { return }
    timer.cancel()
    look()
  }
}
