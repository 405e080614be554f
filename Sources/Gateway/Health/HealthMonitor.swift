// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Looks at the gateway every few seconds from an event loop of its own, which does nothing else, and tells the service
/// manager: the status line when it changes, and that we live while the `Watchdog` finds so.
///
/// The other loops are asked and never waited for. Everything here happens on the monitor's loop.
final class HealthMonitor: Sendable {
  /// What there is to look at and whom to tell.
  struct Parts: Sendable {
    /// Event loops that must answer, by name, without that of the relay.
    var loops: [(name: String, eventLoop: any EventLoop)]
    var relayLoop: any EventLoop
    /// Called on the relay's loop.
    var relay: @Sendable () -> [String: Watchdog.RelayLook]
    var writer: @Sendable () -> Watchdog.WriterLook
    var status: @Sendable () -> String
    var say: @Sendable (String) -> Void
    var ping: @Sendable () -> Void
    var report: @Sendable (Watchdog.Stall) -> Void
  }

  /// What is due every few seconds costs an idle machine next to nothing.
  private static let lookMillisecondsMax: Int64 = 3_000

  private struct State {
    var watchdog: Watchdog
    var relay: [String: Watchdog.RelayLook] = [:]
    /// Loops with a question that is not answered yet.
    var asked: Set<String> = []
    /// Loops that have answered since the last ping.
    var answered: Set<String> = []
    var said: String
    var task: RepeatedTask?
    /// When the last look began.
    var lookedAt: Int64
  }

  private static let relayName = "relay"

  private let parts: Parts
  private let eventLoop: any EventLoop
  private let state: NIOLoopBoundBox<State>
  private let period: TimeAmount

  /// `watchdogMilliseconds` is the manager's time; nil if it waits for no ping.
  init(parts: Parts, eventLoop: any EventLoop, watchdogMilliseconds: Int64?) {
    self.parts = parts
    self.eventLoop = eventLoop
    // Several looks for each ping.
    period = .milliseconds(min(Self.lookMillisecondsMax, max(1, (watchdogMilliseconds ?? .max) / 8)))
    state = .makeBoxSendingValue(
      State(
        watchdog: Watchdog(interval: watchdogMilliseconds, now: Self.milliseconds(eventLoop.now)), said: "",
        lookedAt: Self.milliseconds(eventLoop.now)),
      eventLoop: eventLoop)
  }

  /// Begins to look. `said` is what the manager was told last.
  func start(said: String) {
    eventLoop.execute {
      self.state.value.said = said
      self.ask()
      self.state.value.task = self.eventLoop.scheduleRepeatedTask(initialDelay: self.period, delay: self.period) { _ in
        // Behind the answers that are here already: a monitor that was held up itself must not blame those it asked.
        self.eventLoop.execute {
          if self.state.value.task != nil { self.look() }
        }
      }
    }
  }

  /// Nothing is told after this has succeeded.
  func stop() -> EventLoopFuture<Void> {
    eventLoop.submit {
      self.state.value.task?.cancel()
      self.state.value.task = nil
    }
  }

  private func look() {
    let now = Self.milliseconds(eventLoop.now)
    let names = parts.loops.map(\.name) + [Self.relayName]
    let silent = names.filter { !state.value.answered.contains($0) }
    let isLate = now - state.value.lookedAt > 2 * period.nanoseconds / 1_000_000
    state.value.lookedAt = now
    // Held up between two looks, or in the midst of one: whoever is silent may have been asked just now.
    if isLate, !silent.isEmpty { return ask() }
    let look = Watchdog.Look(
      now: now, silentLoops: silent, writer: parts.writer(), relay: state.value.relay)
    for action in state.value.watchdog.take(look) {
      switch action {
      case .ping:
        if state.value.watchdog.interval != nil { parts.ping() }
        state.value.answered = []
      case .report(let stall): parts.report(stall)
      }
    }
    let status = parts.status()
    if status != state.value.said {
      state.value.said = status
      parts.say(status)
    }
    ask()
  }

  /// Each loop has one question at a time: one that is silent does not gather them.
  private func ask() {
    for (name, loop) in parts.loops where state.value.asked.insert(name).inserted {
      loop.submit {}.hop(to: eventLoop).whenComplete { _ in self.answered(name) }
    }
    if state.value.asked.insert(Self.relayName).inserted {
      parts.relayLoop.submit(parts.relay).hop(to: eventLoop).whenComplete { result in
        if case .success(let relay) = result { self.state.value.relay = relay }
        self.answered(Self.relayName)
      }
    }
  }

  private func answered(_ name: String) {
    state.value.asked.remove(name)
    state.value.answered.insert(name)
  }

  /// Of the kernel's monotonic clock, which stands still while the machine sleeps.
  private static func milliseconds(_ time: NIODeadline) -> Int64 {
    Int64(time.uptimeNanoseconds / 1_000_000)
  }
}
