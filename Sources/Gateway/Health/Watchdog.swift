// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Decides from what was seen whether the gateway does its work: the event loops answer, the log's writer gets on, and
/// mail that is due moves. `HealthMonitor` looks, asks, and carries out what comes back; nothing here reads a clock.
///
/// While something stands still the service manager hears nothing, and in the end kills and starts us again, which costs
/// no mail. All times are milliseconds on a clock that stands still while the machine sleeps.
package struct Watchdog {
  /// What one look at the gateway found.
  struct Look: Equatable {
    var now: Int64
    /// Event loops that have not answered since the last ping.
    var silentLoops: [String] = []
    var writer = WriterLook()
    /// What the relay's loop said last.
    var relay = RelayLook()
  }

  struct WriterLook: Equatable {
    /// Begun and ended writes and syncs.
    var steps: UInt64 = 0
    /// A step is under way, or records wait for one.
    var hasWork = false
  }

  package struct RelayLook: Equatable, Sendable {
    /// Messages that are due and that no connection has.
    var waiting = 0
    /// The upstream is ok and nobody has stopped the mail.
    var isOpen = false
    /// A connection could take one of them now, or one more could be opened for them.
    var hasRoom = false
    /// Grows with each octet that moves and each outcome.
    var progress: UInt64 = 0

    /// Mail could move now and does not. Lasts only if somebody forgot to look.
    package var isIdle: Bool { waiting > 0 && isOpen && hasRoom }
  }

  /// What stands still, and since when in seconds.
  enum Stall: Equatable {
    case loops([String], seconds: Int64)
    case writer(seconds: Int64)
    case mail(waiting: Int, seconds: Int64)
  }

  enum Action: Equatable {
    case ping
    /// Once for each time that something begins to stand still.
    case report(Stall)
  }

  /// A message that could leave and does not: two minutes are beyond every pause that the relay makes on purpose.
  static let idleMillisecondsMax: Int64 = 120_000
  /// With every connection busy and silent: longer than an upstream may take for any reply (RFC 5321 section 4.5.3.2.6
  /// gives it ten minutes for the last one).
  static let silenceMillisecondsMax: Int64 = 660_000
  /// Where no manager sets a time.
  static let hangMillisecondsMax: Int64 = 30_000

  /// How long the manager waits for a ping; nil if it does not.
  let interval: Int64?
  private var lastPing: Int64
  private var writer = WriterLook()
  private var writerSince: Int64
  private var relay = RelayLook()
  private var silentSince: Int64
  private var idleSince: Int64
  private var reported: Set<String> = []

  init(interval: Int64?, now: Int64) {
    self.interval = interval
    lastPing = now
    writerSince = now
    silentSince = now
    idleSince = now
  }

  /// Half of the manager's time, so that one ping may come late.
  private var pingInterval: Int64 { (interval ?? Self.hangMillisecondsMax) / 2 }

  /// One look. A ping is due when its time has come and nothing stands still, and then with the next look that is good.
  mutating func take(_ look: Look) -> [Action] {
    note(look)
    let isDue = look.now - lastPing >= pingInterval
    let stalls = [isDue ? loopStall(look) : nil, writerStall(look), mailStall(look)].compactMap { $0 }
    let names = Set(stalls.map(\.name))
    var actions = stalls.filter { !reported.contains($0.name) }.map(Action.report)
    // A loop that is silent is known to be so until a ping shows that it is not.
    reported = names.union(isDue ? [] : reported.intersection([Stall.loopsName]))
    if isDue, stalls.isEmpty {
      lastPing = look.now
      actions.append(.ping)
    }
    return actions
  }

  private mutating func note(_ look: Look) {
    if !look.writer.hasWork || look.writer.steps != writer.steps { writerSince = look.now }
    writer = look.writer
    let mayRest = look.relay.waiting == 0 || !look.relay.isOpen
    if mayRest || look.relay.progress != relay.progress { silentSince = look.now }
    if !look.relay.isIdle { idleSince = look.now }
    relay = look.relay
  }

  private func loopStall(_ look: Look) -> Stall? {
    guard !look.silentLoops.isEmpty else { return nil }
    return .loops(look.silentLoops, seconds: (look.now - lastPing) / 1000)
  }

  private func writerStall(_ look: Look) -> Stall? {
    let time = look.now - writerSince
    return time > interval ?? Self.hangMillisecondsMax ? .writer(seconds: time / 1000) : nil
  }

  private func mailStall(_ look: Look) -> Stall? {
    let silence = look.now - silentSince
    let isIdle = look.now - max(silentSince, idleSince) >= Self.idleMillisecondsMax
    guard isIdle || silence >= Self.silenceMillisecondsMax else { return nil }
    return .mail(waiting: look.relay.waiting, seconds: silence / 1000)
  }
}

extension Watchdog.Stall {
  fileprivate static let loopsName = "loops"

  fileprivate var name: String {
    switch self {
    case .loops: Self.loopsName
    case .writer: "writer"
    case .mail: "mail"
    }
  }
}
