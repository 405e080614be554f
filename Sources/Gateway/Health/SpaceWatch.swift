// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import NIOCore
import Synchronization
import WAL

/// Looks, on a thread that may wait for the disk, whether the queue has room and its log works; tells the sessions through
/// `Admission`, the admin through events, and keeps the reserve. `SpaceRounds` says when. A look costs three system calls.
package final class SpaceWatch: Sendable {
  package struct Parts: Sendable {
    /// May wait for the disk.
    var measure: @Sendable () -> FileSystem?
    var condition: @Sendable () -> LogCondition
    /// Of the log's writer; grows as it works.
    var steps: @Sendable () -> UInt64
    /// In the queue.
    var messages: @Sendable () -> Int
    /// Monotonic milliseconds.
    var now: @Sendable () -> Int64
    var report: @Sendable (Event) -> Void
    /// Told at each look.
    var spaceIsShort: @Sendable (Bool) -> Void
    var reserve: any SpaceReserve

    package init(
      measure: @escaping @Sendable () -> FileSystem?, condition: @escaping @Sendable () -> LogCondition,
      steps: @escaping @Sendable () -> UInt64 = { 0 },
      messages: @escaping @Sendable () -> Int, now: @escaping @Sendable () -> Int64,
      report: @escaping @Sendable (Event) -> Void, spaceIsShort: @escaping @Sendable (Bool) -> Void = { _ in },
      reserve: any SpaceReserve
    ) {
      self.measure = measure
      self.condition = condition
      self.steps = steps
      self.messages = messages
      self.now = now
      self.report = report
      self.spaceIsShort = spaceIsShort
      self.reserve = reserve
    }
  }

  /// For the console.
  struct Facts: Sendable {
    var freeOctets: Int64 = 0
    /// What must stay free.
    var floorOctets: Int64 = 0
    /// Why mail is refused with 452; nil if it is not.
    var shortage: String?
    /// Why the log takes nothing; nil if it works.
    var failure: String?

    var reply: StatusReply.Spool {
      StatusReply.Spool(
        freeBytes: Int(clamping: freeOctets), minFreeBytes: Int(clamping: floorOctets),
        state: failure != nil ? "failing" : shortage != nil ? "low" : "ok", reason: failure ?? shortage)
    }
  }

  private struct State {
    var gauge: SpaceGauge
    var facts = Facts()
    /// False once the file system said that it never can.
    var canReserve = true
    var isCalm = false
    var steps: UInt64 = 0
  }

  package let admission = Admission()
  private let parts: Parts
  private let state: Mutex<State>
  private let rounds = Mutex<SpaceRounds?>(nil)

  init(parts: Parts, limits: SpaceGauge.Limits) {
    self.parts = parts
    state = Mutex(State(gauge: SpaceGauge(limits: limits)))
  }

  var facts: Facts { state.withLock { $0.facts } }

  /// From the next look on.
  func adopt(_ limits: SpaceGauge.Limits) {
    state.withLock { $0.gauge.limits = limits }
  }

  /// At the last look nothing was short, and since the look before no session had asked and the log had not been written.
  var isCalm: Bool { state.withLock { $0.isCalm } }

  func start(on eventLoop: any EventLoop, threads: any WorkerThreads) {
    let rounds = SpaceRounds(self, on: eventLoop, threads: threads)
    self.rounds.withLock { $0 = rounds }
    rounds.start()
  }

  func stop() {
    rounds.withLock { $0.take() }?.stop()
  }

  /// May wait for the disk.
  package func look() {
    let look = SpaceGauge.Look(
      now: parts.now(), fileSystem: parts.measure(), condition: parts.condition(), messages: parts.messages())
    let (gauge, events) = state.withLock { state in
      let events = state.gauge.take(look)
      state.facts = Self.facts(look, state.gauge)
      return (state.gauge, events)
    }
    let isAsked = admission.publish(gauge.intake, messagesLeft: gauge.messagesLeft)
    let steps = parts.steps()
    state.withLock { state in
      state.isCalm = !isAsked && steps == state.steps && gauge.shortage == nil && !look.condition.isFailing
      state.steps = steps
    }
    for event in events { parts.report(event) }
    parts.spaceIsShort(gauge.shortage?.isOfDisk == true)
    keepReserve(look, gauge)
  }

  private func keepReserve(_ look: SpaceGauge.Look, _ gauge: SpaceGauge) {
    guard let fileSystem = look.fileSystem else { return }
    if parts.reserve.exists {
      if look.condition.isOwing, look.condition.refusal?.isFull == true { parts.reserve.giveUp() }
    } else if state.withLock(\.canReserve), gauge.shortage == nil,
      fileSystem.freeOctets - gauge.floor(of: fileSystem) >= parts.reserve.octets
    {
      let canReserve = parts.reserve.make()
      state.withLock { $0.canReserve = canReserve }
    }
  }

  private static func facts(_ look: SpaceGauge.Look, _ gauge: SpaceGauge) -> Facts {
    Facts(
      freeOctets: look.fileSystem?.freeOctets ?? 0, floorOctets: look.fileSystem.map(gauge.floor) ?? 0,
      shortage: gauge.shortage?.description,
      failure: look.condition.isFailing ? look.condition.refusal.map { "\($0)" } ?? "three segments failed" : nil)
  }
}
