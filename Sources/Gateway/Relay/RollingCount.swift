// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// So many in a rolling time, counted in 64 parts of it: what was counted is forgotten when the whole time has passed
/// since the end of its part, so it never counts too little. Times are milliseconds of any one clock.
struct RollingCount: Sendable, Equatable {
  /// At most so many; nothing here keeps anybody from more.
  let limit: Int
  let window: Int64
  /// Oldest first.
  private(set) var parts: [Part] = []

  struct Part: Sendable, Equatable {
    /// Its number since the beginning of the clock.
    var number: Int64
    var count: Int
  }

  private static let partsMax: Int64 = 64

  init(limit: Int, window: Int64) {
    precondition(limit > 0 && window > 0)
    self.limit = limit
    self.window = window
  }

  /// With what was counted before, under whatever limit.
  init(limit: Int, window: Int64, parts: [(start: Int64, count: Int)], now: Int64) {
    self.init(limit: limit, window: window)
    // A clock that went back meanwhile: what is in its future counts as of now.
    for part in parts.sorted(by: { $0.start < $1.start }) where part.count > 0 {
      add(part.count, at: min(part.start, now))
    }
    forget(now)
  }

  private var partLength: Int64 { max(1, window / Self.partsMax) }

  func start(of part: Part) -> Int64 { part.number * partLength }

  mutating func add(_ count: Int, at time: Int64) {
    forget(time)
    let number = time / partLength
    var count = count
    // A clock that went back: what is newer than now counts as of now.
    while let last = parts.last, last.number > number { count += parts.removeLast().count }
    if parts.last?.number == number {
      parts[parts.count - 1].count += count
    } else if count > 0 {
      parts.append(Part(number: number, count: count))
    }
  }

  private mutating func forget(_ time: Int64) {
    while let first = parts.first, end(of: first) <= time { parts.removeFirst() }
  }

  /// When it is forgotten.
  private func end(of part: Part) -> Int64 { (part.number + 1) * partLength + window }

  /// When something is forgotten next, if nothing is added.
  var nextForgotten: Int64? { parts.first.map { end(of: $0) } }

  func used(at time: Int64) -> Int { parts.reduce(0) { end(of: $1) > time ? $0 + $1.count : $0 } }

  /// When there is room for one more; nil if there is now.
  mutating func roomAt(_ time: Int64) -> Int64? {
    add(0, at: time)
    return timeBelow(limit, at: time)
  }

  /// When less than this counts if nothing is added; nil if that is so now.
  func timeBelow(_ bound: Int, at time: Int64) -> Int64? {
    var used = used(at: time)
    guard used >= bound else { return nil }
    for part in parts where end(of: part) > time {
      used -= part.count
      if used < bound { return end(of: part) }
    }
    return nil
  }
}
