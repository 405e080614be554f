// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import WAL

/// What the admin ordered of which message: held, dropped, put back, erased. An order counts from when it is given; once a
/// sync has followed it, it counts over every end of the process, and before that all orders up to some one do. `Oracle`
/// asks it; it knows of the queue only what an admin sees.
struct OrderBook {
  /// The name of a message: its sender, whose address nobody else has, or the id of a notification.
  typealias Name = String

  struct Entry {
    /// Of whose mail a notification tells; nil: it is mail.
    let about: Int?
    /// The first is on the platter; each further one is what the order made of it that came next.
    var states = [OrderState()]
    /// It was being sent when the order came, so it may leave once more.
    var isUnderWay = false

    var state: OrderState { states.last! }
  }

  private(set) var entries: [Name: Entry] = [:]
  /// How often the wall clock has gone forwards by more than the time.
  private(set) var jumps: Int64 = 0
  private var unsure: Set<Name> = []
  /// The highest batch that was told, and the highest that is on the platter: its number means no other messages.
  private var batch: (told: UInt64, durable: UInt64) = (0, 0)

  // MARK: - Orders

  mutating func change(_ name: Name, about: Int?, isUnderWay: Bool = false, _ body: (inout OrderState) -> Void) {
    var entry = entries[name] ?? Entry(about: about)
    var state = entry.state
    body(&state)
    entry.states.append(state)
    entry.isUnderWay = entry.isUnderWay || isUnderWay
    entries[name] = entry
    unsure.insert(name)
  }

  /// Whether a batch may have this number.
  mutating func began(batch number: UInt64) -> Bool {
    batch.told = number
    return number > batch.durable
  }

  mutating func becameDurable() {
    batch.durable = batch.told
    for name in unsure { entries[name]!.states = [entries[name]!.state] }
    unsure = []
  }

  mutating func advance(from old: Instant, to now: Instant) {
    if now.wall - old.wall > now.monotonic - old.monotonic { jumps += 1 }
  }

  // MARK: - What follows

  /// Nobody is owed it: the admin took it out of the queue for good.
  func isEnded(_ name: Name, _ now: Instant) -> Bool {
    guard let state = entries[name]?.state else { return false }
    return state.isErased || state.drop?.term.isOver(now) == true
  }

  /// Mail whose notification the admin took out of the queue for good.
  func silenced(_ now: Instant) -> [Int] {
    entries.compactMap { name, entry in entry.about.flatMap { isEnded(name, now) ? $0 : nil } }
  }

  /// What was ordered of a message that has just left all the same; nil: it may.
  mutating func obstacle(_ name: Name, _ now: Instant) -> String? {
    guard let state = entries[name]?.state, let obstacle = state.obstacle(now) else { return nil }
    guard entries[name]!.isUnderWay else { return obstacle }
    entries[name]!.isUnderWay = false
    return nil
  }

  func isSilent(_ name: Name, _ notification: MessageID) -> Bool {
    entries[name]?.state.silent.contains { $0.contains(notification.number) } ?? false
  }

  // MARK: - What an admin sees

  /// While the process lives.
  mutating func seen(_ views: [Name: MessageView], _ now: Instant) -> [String] {
    var complaints: [String] = []
    for (name, view) in views.sorted(by: { $0.key < $1.key }) {
      if entries[name] != nil, view.state != .sending { entries[name]!.isUnderWay = false }
      if !(entries[name]?.state ?? OrderState()).fits(view, now) {
        complaints.append("\(name) is seen as \(view.orders), which nobody ordered")
      }
    }
    return complaints
  }

  /// After a restart. `mark` is a number that no message has had.
  mutating func recovered(_ views: [Name: MessageView], mark: UInt64, _ now: Instant) -> [String] {
    var complaints: [String] = []
    for (name, view) in views.sorted(by: { $0.key < $1.key }) where entries[name] == nil {
      if !OrderState().fits(view, now) { complaints.append("\(name) is \(view.orders) after a restart, unordered") }
    }
    for name in entries.keys.sorted() {
      var entry = entries[name]!
      entry.isUnderWay = false
      if let view = views[name] {
        let possible = entry.states.filter { $0.fits(view, now) && $0.hasTerms(of: view, now, jumps) }
        if possible.isEmpty {
          complaints.append("\(name) is \(view.orders) after a restart, and not as ordered: \(entry.states)")
        }
        // Orders that were not durable yet may look the same when the clock went forwards (seed 58279).
        let restarted = (possible.isEmpty ? [entry.state] : possible).map { $0.restarted(now, mark) }
        var state = restarted.last!
        for other in restarted where other.hold?.ends(before: state.hold) == true { state.hold = other.hold }
        if let until = view.drop?.until { state.drop?.term.restart(now, until: until) }
        // Its time was over, and that is on the platter.
        if view.hold == nil { state.hold = nil }
        entry.states = [state]
      } else {
        entry.states = [entry.state.gone(now, mark, jumps)]
      }
      entries[name] = entry
    }
    unsure = []
    batch.told = batch.durable
    return complaints
  }
}

/// What all orders for one message come to.
struct OrderState {
  var hold: HoldTerm?
  var drop: (batch: UInt64, term: DropTerm)?
  var isErased = false
  /// Numbers that messages got while it was dropped: no notification about it has one of these.
  var silent: [ClosedRange<UInt64>] = []

  func obstacle(_ now: Instant) -> String? {
    if isErased { return "erased" }
    if drop != nil { return "dropped" }
    return hold.map { !$0.isOver(now) } == true ? "held" : nil
  }

  /// Whether a message of which this was ordered may be seen so.
  func fits(_ view: MessageView, _ now: Instant) -> Bool {
    guard !isErased, view.drop?.batch == drop?.batch else { return false }
    guard let hold else { return view.hold == nil }
    // A hold ends by itself, when its time is over or nobody is left to try.
    return view.hold != nil || hold.isOver(now) || !view.isAnyLeft
  }

  /// Right after a restart: whether what is left of each order is what it should be.
  func hasTerms(of view: MessageView, _ now: Instant, _ jumps: Int64) -> Bool {
    if let drop, let until = view.drop?.until, !drop.term.mayEnd(at: until, now, jumps) { return false }
    if let hold, let seen = view.hold, hold.endAfterRestart(now) != seen.until { return false }
    return true
  }

  func restarted(_ now: Instant, _ mark: UInt64) -> OrderState {
    var state = self
    state.hold?.restart(now)
    // Numbers that nobody had when the process ended are given again.
    state.silent = silent.map { range in
      let start = min(range.lowerBound, mark)
      return start...(range.upperBound == .max ? .max : min(range.upperBound, mark))
    }
    return state
  }

  /// After a restart that does not find it. If it is not because of its drop, it was delivered while it was dropped.
  func gone(_ now: Instant, _ mark: UInt64, _ jumps: Int64) -> OrderState {
    var state = restarted(now, mark)
    if drop?.term.mayBeOver(now, jumps) == true { state.isErased = true }
    if !state.isErased { state.drop = nil }
    return state
  }
}

extension MessageView {
  fileprivate var isAnyLeft: Bool {
    recipients.contains { $0.state == .queued || $0.state == .sending || $0.state == .deferred }
  }

  fileprivate var orders: String {
    "\(drop.map { "dropped in batch \($0.batch) until \($0.until)" } ?? "not dropped"), "
      + (hold.map { "held until \($0.until.map { String($0) } ?? "release")" } ?? "not held")
  }
}
