// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue
import Synchronization

/// The one table of clients, for the sessions of all event loops, who write, and for the console, which reads. Its lock is
/// held for a change of one record or a copy of all, never over a call of the system.
package final class ClientBook: Sendable {
  private struct State {
    var table = ClientTable()
    var clearLogins = 0
  }

  private let state = Mutex(State())

  package init() {}

  package func note(
    _ address: IPAddress, _ now: Instant, isExpected: () -> Bool, _ body: (inout ClientRecord) -> Void
  ) {
    state.withLock { $0.table.note(address, now, isExpected: isExpected, body) }
  }

  func countClearLogin() {
    state.withLock { $0.clearLogins += 1 }
  }

  /// Logins that were tried without TLS since the start.
  package var clearLogins: Int { state.withLock { $0.clearLogins } }
  package func records(where isWanted: (ClientRecord) -> Bool = { _ in true }) -> [ClientRecord] {
    state.withLock { $0.table.records(where: isWanted) }
  }

  package subscript(address: IPAddress) -> ClientRecord? { state.withLock { $0.table[address] } }
}

extension Settings {
  /// A client that an office may well have: named, trusted, or of a private network.
  func expects(_ address: IPAddress) -> Bool {
    Network("\(address)")?.isPrivate == true || configuration.client(at: address) != nil
      || configuration.access.trusted.contains { $0.contains(address) }
  }
}
