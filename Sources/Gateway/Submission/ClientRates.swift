// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue
import SMTP
import Synchronization

/// Messages of clients that may hand in only so many in a time (`[[client]] rate`), by address. Asked by sessions of all
/// event loops; sessions of one client that begin at the same time may exceed its rate by one each. Bounded: there are no
/// more entries than addresses that have a rate and were heard of within its time.
package final class ClientRates: Sendable {
  private struct Entry {
    var rate: Configuration.Rate
    var count: RollingCount
  }

  static let entriesMax = 10_000

  private let entries = Mutex<[String: Entry]>([:])

  package init() {}

  /// What a client hears that has used up its messages; nil: it may go on.
  func refusal(_ address: String, _ rate: Configuration.Rate, _ now: Instant) -> Reply? {
    let roomAt: Int64? = entries.withLock { entries in
      guard entries[address]?.rate == rate else { return nil }
      return entries[address]?.count.roomAt(now.monotonic)
    }
    guard let roomAt else { return nil }
    return .tooManyMessages(rate.text, seconds: Int((roomAt - now.monotonic + 999) / 1000))
  }

  /// What an address has used up of its rate.
  func used(_ address: String, _ rate: Configuration.Rate, _ now: Instant) -> Int {
    entries.withLock { entries in
      guard let entry = entries[address], entry.rate == rate else { return 0 }
      return entry.count.used(at: now.monotonic)
    }
  }

  /// A message was taken. Under another rate than before counting begins anew.
  func accepted(_ address: String, _ rate: Configuration.Rate, _ now: Instant) {
    entries.withLock { entries in
      if entries.count >= Self.entriesMax, entries[address] == nil {
        entries = entries.filter { $0.value.count.used(at: now.monotonic) > 0 }
        // So many busy ones are counted by nobody else either: the count begins anew.
        if entries.count >= Self.entriesMax { entries = [:] }
      }
      var entry = entries[address] ?? Entry(rate: rate, count: RollingCount(rate))
      if entry.rate != rate { entry = Entry(rate: rate, count: RollingCount(rate)) }
      entry.count.add(1, at: now.monotonic)
      entries[address] = entry
    }
  }
}

extension RollingCount {
  fileprivate init(_ rate: Configuration.Rate) {
    self.init(limit: rate.count, window: Int64(rate.seconds) * 1000)
  }
}
