// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration

/// Guesses of passwords, by who makes them: a client address with a user name, or the address alone.
///
/// A guesser that has used up its failures is to be answered without a look at the password, for a time that doubles with
/// each failure. Bounded: the oldest guessers make room. `LoginChecker` has one table for each kind.
struct FailedLogins<Guesser: Hashable> {
  private struct Entry {
    var failures: Int
    var last: Int64
    /// Of a hundred: how much longer than others this one waits, so that those that failed together do not come again
    /// together.
    var jitter: Int64
  }

  private let guessersMax: Int

  init(guessersMax: Int = failedLoginsMax) {
    self.guessersMax = guessersMax
  }

  private var entries: [Guesser: Entry] = [:]

  var count: Int { entries.count }

  /// `now` is monotonic milliseconds.
  func isThrottled(_ guesser: Guesser, by rate: Configuration.Rate, now: Int64) -> Bool {
    guard let entry = entries[guesser], entry.failures >= rate.count else { return false }
    let doublings = min(entry.failures - rate.count, 16)
    let delay = min(firstDelayMilliseconds << doublings, Int64(rate.seconds) * 1000)
    return now - entry.last < delay + delay * entry.jitter / 100
  }

  /// `random` decides by how much this one waits longer.
  mutating func failed(_ guesser: Guesser, by rate: Configuration.Rate, now: Int64, random: UInt8) {
    let period = Int64(rate.seconds) * 1000
    if entries.count >= guessersMax, entries[guesser] == nil {
      entries = entries.filter { now - $0.value.last < period }
      // A flood of different names: forget the older half rather than grow.
      if entries.count >= guessersMax {
        let middle = entries.values.map(\.last).sorted()[entries.count / 2]
        entries = entries.filter { $0.value.last > middle }
      }
    }
    var entry = entries[guesser] ?? Entry(failures: 0, last: now, jitter: 0)
    if now - entry.last > period { entry.failures = 0 }
    entry.failures += 1
    entry.last = now
    entry.jitter = Int64(random) * jitterMax / 255
    entries[guesser] = entry
  }

  mutating func succeeded(_ guesser: Guesser) {
    entries[guesser] = nil
  }
}

/// Guessers that are remembered.
let failedLoginsMax = 65_536
private let firstDelayMilliseconds: Int64 = 10_000
private let jitterMax: Int64 = 25
