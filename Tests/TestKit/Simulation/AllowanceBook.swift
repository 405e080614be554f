// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// What one upstream was given in which time, beside what it may be given: no more messages begun than its rate, no more
/// taken than its quota. It counts what an upstream sees, and what it is not sure of it does not count.
struct AllowanceBook {
  /// Something that the upstream took.
  private struct Taken {
    let id: Int
    var wall: Int64
    let units: Int
    /// Of the connection.
    var generation: Int
    /// When the gateway knew of it; nil: it does not yet.
    var noted: Int64?
  }

  /// From counting to the file: the longest pause between two writes, and a slow thread.
  private static let writtenMilliseconds: Int64 = 10_000 + 200
  /// From deciding to send a message to its first word: its content may have to be read on a slow thread.
  private static let readMilliseconds: Int64 = 200

  private var rate: SimulatedSetup.Rate?
  private var quota: SimulatedSetup.Quota?
  /// Monotonic times before which messages were not begun, in order.
  private var begun: [Int64] = []
  private var taken: [Taken] = []
  private var lastID = 0
  /// What connections of settings before these carry was not counted from its beginning.
  private var since = 0
  /// A write of the file has failed at this time, and none has succeeded since.
  private var failed: Int64?

  // MARK: - What holds

  /// `isNew`: there was no such upstream in the settings before.
  mutating func adopt(_ upstream: SimulatedSetup.Upstream, isNew: Bool, generation: Int) {
    if isNew || rate != upstream.rate { begun = [] }
    if upstream.quota == nil || quota?.isOfRecipients != upstream.quota?.isOfRecipients { taken = [] }
    if let old = quota, let new = upstream.quota, old.seconds != new.seconds {
      // Counts are kept for parts of the time, so with another time they are less exact.
      for place in taken.indices { taken[place].wall -= Int64(old.seconds) * 1000 / 64 }
    }
    if isNew || quota?.isOfRecipients != upstream.quota?.isOfRecipients {
      since = generation
      // What was heard of before is counted all the same.
      for place in taken.indices where taken[place].noted != nil { taken[place].generation = generation }
    }
    (rate, quota) = (upstream.rate, upstream.quota)
  }

  var hasQuota: Bool { quota != nil }

  /// The quota's count is kept over the end of a process, but for the last seconds.
  mutating func processEnded(_ now: Instant) {
    begun = []
    taken.removeAll { entry in
      guard let noted = entry.noted, noted + Self.writtenMilliseconds <= now.monotonic else { return true }
      return failed.map { noted <= $0 } ?? false
    }
    failed = nil
  }

  /// The file could not be read.
  mutating func forget() { taken = [] }

  mutating func wrote(_ isWritten: Bool, _ now: Instant) { failed = isWritten ? nil : now.monotonic }

  /// What would be in the future counts as of now, unless it was forgotten before.
  mutating func jumped(from wall: Int64, _ now: Instant) {
    if let quota { taken.removeAll { $0.wall + Int64(quota.seconds) * 1000 <= wall } }
    for place in taken.indices { taken[place].wall = min(taken[place].wall, now.wall) }
  }

  // MARK: - What happens

  /// A message is begun, and was not before `previous`. Returns what is wrong with that.
  mutating func begins(_ now: Instant, previous: Int64) -> String? {
    guard let rate else { return nil }
    begun.append(previous - Self.readMilliseconds)
    guard begun.count > rate.count else { return nil }
    let span = now.monotonic - begun[begun.count - rate.count - 1]
    if begun.count > 64 { begun.removeFirst(32) }
    guard span < Int64(rate.seconds) * 1000 else { return nil }
    return "\(rate.count + 1) messages were begun in \(span) ms, and \(rate.count) may be in \(rate.seconds) s"
  }

  /// Returns the number of the entry, for `noted`, and what is wrong.
  mutating func takes(
    recipients: Int, generation: Int, isCurrent: Bool, _ now: Instant
  ) -> (id: Int, complaint: String?) {
    lastID += 1
    guard let quota else { return (lastID, nil) }
    taken.append(
      Taken(id: lastID, wall: now.wall, units: quota.isOfRecipients ? recipients : 1, generation: generation))
    taken.removeAll { $0.wall + Int64(quota.seconds) * 1000 <= now.wall && $0.noted != nil }
    guard isCurrent else { return (lastID, nil) }
    let units = taken.filter { $0.generation >= since && $0.wall + Int64(quota.seconds) * 1000 > now.wall }.map(\.units)
    let used = units.reduce(0, +)
    // The recipients of the last message may pass it.
    let isPassed = quota.isOfRecipients ? used - (units.max() ?? 0) >= quota.count : used > quota.count
    return (lastID, isPassed ? "\(used) were taken in \(quota.seconds) s, and \(quota.count) may be" : nil)
  }

  /// The gateway knows that this was taken, or may have been.
  mutating func noted(_ id: Int, _ now: Instant) {
    if let place = taken.firstIndex(where: { $0.id == id }) { taken[place].noted = now.monotonic }
  }
}
