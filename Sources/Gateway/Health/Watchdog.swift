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
    /// What the relay's loop said last, of each upstream by name.
    var relay: [String: RelayLook] = [:]
  }

  struct WriterLook: Equatable {
    /// Begun and ended writes and syncs.
    var steps: UInt64 = 0
    /// A step is under way, or records wait for one.
    var hasWork = false
  }

  /// Of one upstream: octets that move on another one must not hide that this one has forgotten its mail.
  package struct RelayLook: Equatable, Sendable {
    /// Messages that are due here and that no connection has.
    var waiting = 0
    /// The upstream is ok, nobody has stopped its mail, and it does not rest for a time that is set.
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
    case mail(upstream: String, waiting: Int, seconds: Int64)
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
  /// By upstream; those that nobody speaks of any more are forgotten.
  private var relay: [String: Stillness] = [:]
  private var reported: Set<String> = []

  init(interval: Int64?, now: Int64) {
    self.interval = interval
    lastPing = now
    writerSince = now
  }

  /// Since when the mail of one upstream does not move, and since when it could.
  private struct Stillness {
    private var last = RelayLook()
    private(set) var silentSince: Int64
    private var idleSince: Int64

    init(now: Int64) {
      silentSince = now
      idleSince = now
    }

    mutating func take(_ look: RelayLook, now: Int64) {
      let mayRest = look.waiting == 0 || !look.isOpen
      if mayRest || look.progress != last.progress { silentSince = now }
      if !look.isIdle { idleSince = now }
      last = look
    }

    func lastsTooLong(now: Int64) -> Bool {
      now - max(silentSince, idleSince) >= Watchdog.idleMillisecondsMax
        || now - silentSince >= Watchdog.silenceMillisecondsMax
    }
  }

  /// Half of the manager's time, so that one ping may come late.
  private var pingInterval: Int64 { (interval ?? Self.hangMillisecondsMax) / 2 }

  /// One look. A ping is due when its time has come and nothing stands still, and then with the next look that is good.
  mutating func take(_ look: Look) -> [Action] {
    note(look)
    let isDue = look.now - lastPing >= pingInterval
    let stalls = [isDue ? loopStall(look) : nil, writerStall(look)].compactMap { $0 } + mailStalls(look)
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
    relay = Dictionary(
      uniqueKeysWithValues: look.relay.map { name, seen in
        var stillness = relay[name] ?? Stillness(now: look.now)
        stillness.take(seen, now: look.now)
        return (name, stillness)
      })
  }

  private func loopStall(_ look: Look) -> Stall? {
    guard !look.silentLoops.isEmpty else { return nil }
    return .loops(look.silentLoops, seconds: (look.now - lastPing) / 1000)
  }

  private func writerStall(_ look: Look) -> Stall? {
    let time = look.now - writerSince
    return time > interval ?? Self.hangMillisecondsMax ? .writer(seconds: time / 1000) : nil
  }

  private func mailStalls(_ look: Look) -> [Stall] {
    relay.filter { $1.lastsTooLong(now: look.now) }.sorted { $0.key < $1.key }.map { name, stillness in
      .mail(
        upstream: name, waiting: look.relay[name]?.waiting ?? 0, seconds: (look.now - stillness.silentSince) / 1000)
    }
  }
}

extension Watchdog.Stall {
  fileprivate static let loopsName = "loops"

  fileprivate var name: String {
    switch self {
    case .loops: Self.loopsName
    case .writer: "writer"
    case .mail(let upstream, _, _): "mail \(upstream)"
    }
  }
}
