// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue

/// The clients that were here since the start, by address, in bounded memory: who was seen longest ago goes first, among
/// his own kind. There are three kinds, so that a flood from many addresses pushes out nobody but itself: who handed in
/// mail or logged in; who is in a `[[client]]`, a trusted network or a private one; and strangers. Belongs to `ClientBook`.
package struct ClientTable: Sendable {
  package static let provenMax = 4_096
  package static let expectedMax = 1_024
  package static let strangersMax = 256

  private var proven: RecencyTable<IPAddress, ClientRecord>
  private var expected: RecencyTable<IPAddress, ClientRecord>
  private var strangers: RecencyTable<IPAddress, ClientRecord>

  /// Smaller ones are for tests.
  package init(proven: Int = provenMax, expected: Int = expectedMax, strangers: Int = strangersMax) {
    self.proven = RecencyTable(capacity: proven)
    self.expected = RecencyTable(capacity: expected)
    self.strangers = RecencyTable(capacity: strangers)
  }

  package var count: Int { proven.count + expected.count + strangers.count }

  /// Each kind with those first that were seen last.
  package func records(where isWanted: (ClientRecord) -> Bool) -> [ClientRecord] {
    proven.values(where: isWanted) + expected.values(where: isWanted) + strangers.values(where: isWanted)
  }

  package subscript(address: IPAddress) -> ClientRecord? {
    proven[address] ?? expected[address] ?? strangers[address]
  }

  /// Changes the record of an address, or a new one. `isExpected` is asked only about new ones.
  package mutating func note(
    _ address: IPAddress, _ now: Instant, isExpected: () -> Bool, _ body: (inout ClientRecord) -> Void
  ) {
    if proven.update(address, body) != nil { return }
    func change(_ record: inout ClientRecord) -> Bool {
      body(&record)
      return record.isProven
    }
    if let isProven = expected.update(address, change) {
      if isProven, let record = expected.remove(address) { proven.insert(address, record) }
    } else if let isProven = strangers.update(address, change) {
      if isProven, let record = strangers.remove(address) { proven.insert(address, record) }
    } else {
      var record = ClientRecord(address: address, now: now)
      if change(&record) {
        proven.insert(address, record)
      } else if isExpected() {
        expected.insert(address, record)
      } else {
        strangers.insert(address, record)
      }
    }
  }
}
