// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration

/// Guesses of passwords, by client address and user name, so that a guesser is slowed down and the user elsewhere is not.
///
/// A pair that has used up its failures is answered 454 without a look at the password, for a time that doubles with
/// each failure. Bounded: the oldest pairs make room.
struct FailedLogins {
  struct Pair: Hashable {
    var address: String
    var user: String
  }

  private struct Entry {
    var failures: Int
    var last: Int64
  }

  static let pairsMax = 65_536
  private static let firstDelayMilliseconds: Int64 = 10_000

  private var entries: [Pair: Entry] = [:]

  /// `now` is monotonic milliseconds.
  func isThrottled(_ pair: Pair, by rate: Configuration.Rate, now: Int64) -> Bool {
    guard let entry = entries[pair], entry.failures >= rate.count else { return false }
    let doublings = min(entry.failures - rate.count, 16)
    let delay = min(Self.firstDelayMilliseconds << doublings, Int64(rate.seconds) * 1000)
    return now - entry.last < delay
  }

  mutating func failed(_ pair: Pair, by rate: Configuration.Rate, now: Int64) {
    let period = Int64(rate.seconds) * 1000
    if entries.count >= Self.pairsMax, entries[pair] == nil {
      entries = entries.filter { now - $0.value.last < period }
      // A flood of different names: forget the older half rather than grow.
      if entries.count >= Self.pairsMax {
        let middle = entries.values.map(\.last).sorted()[entries.count / 2]
        entries = entries.filter { $0.value.last > middle }
      }
    }
    var entry = entries[pair] ?? Entry(failures: 0, last: now)
    if now - entry.last > period { entry.failures = 0 }
    entry.failures += 1
    entry.last = now
    entries[pair] = entry
  }

  mutating func succeeded(_ pair: Pair) {
    entries[pair] = nil
  }
}
