// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Synchronization

/// How many sessions each listener and each client address holds now. Shared by all event loops.
package final class SessionCounts: Sendable {
  package enum Verdict: Sendable, Equatable {
    case admitted
    case listenerFull
    case clientFull
  }

  private struct Key: Hashable {
    var listener: String
    var address: IPAddress?
  }

  private let counts = Mutex<[Key: Int]>([:])

  package init() {}

  /// Counts a new session, or says why it may not begin. Every `admitted` is followed by one `leave`.
  package func enter(_ listener: Configuration.Listener, from address: IPAddress) -> Verdict {
    counts.withLock { counts in
      let all = Key(listener: listener.name, address: nil)
      let own = Key(listener: listener.name, address: address)
      guard counts[all, default: 0] < listener.maxSessions || listener.maxSessions == 0 else { return .listenerFull }
      let limit = listener.maxSessionsPerClient
      guard limit == 0 || counts[own, default: 0] < limit else { return .clientFull }
      counts[all, default: 0] += 1
      counts[own, default: 0] += 1
      return .admitted
    }
  }

  /// Sessions of all listeners.
  package var total: Int {
    counts.withLock { $0.reduce(0) { $0 + ($1.key.address == nil ? $1.value : 0) } }
  }

  package func leave(_ listener: String, from address: IPAddress) {
    counts.withLock { counts in
      for key in [Key(listener: listener, address: nil), Key(listener: listener, address: address)] {
        guard let count = counts[key] else { continue }
        counts[key] = count > 1 ? count - 1 : nil
      }
    }
  }
}
