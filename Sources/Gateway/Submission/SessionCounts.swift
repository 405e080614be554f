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
    /// The limit of open files leaves no room for more, whatever the listeners may have.
    case gatewayFull
  }

  private struct Key: Hashable {
    var listener: String
    var address: IPAddress?
  }

  private struct State {
    var counts: [Key: Int] = [:]
    /// Of all listeners.
    var total = 0
    var sessionsMax = Int.max
  }

  private let state = Mutex(State())

  package init() {}

  /// From now on, of all listeners together; sessions that are open stay.
  func setLimit(_ sessionsMax: Int) {
    state.withLock { $0.sessionsMax = sessionsMax }
  }

  /// Counts a new session, or says why it may not begin. Every `admitted` is followed by one `leave`.
  package func enter(_ listener: Configuration.Listener, from address: IPAddress) -> Verdict {
    state.withLock { state in
      let all = Key(listener: listener.name, address: nil)
      let own = Key(listener: listener.name, address: address)
      guard state.total < state.sessionsMax else { return .gatewayFull }
      guard state.counts[all, default: 0] < listener.maxSessions else { return .listenerFull }
      let limit = listener.maxSessionsPerClient
      guard limit == 0 || state.counts[own, default: 0] < limit else { return .clientFull }
      state.counts[all, default: 0] += 1
      state.counts[own, default: 0] += 1
      state.total += 1
      return .admitted
    }
  }

  /// Sessions of each address that has any.
  package var byAddress: [IPAddress: Int] {
    state.withLock { state in
      state.counts.reduce(into: [:]) { total, entry in
        if let address = entry.key.address { total[address, default: 0] += entry.value }
      }
    }
  }

  /// Sessions of all listeners.
  package var total: Int { state.withLock { $0.total } }

  package func leave(_ listener: String, from address: IPAddress) {
    state.withLock { state in
      state.total -= 1
      for key in [Key(listener: listener, address: nil), Key(listener: listener, address: address)] {
        guard let count = state.counts[key] else { continue }
        state.counts[key] = count > 1 ? count - 1 : nil
      }
    }
  }
}
