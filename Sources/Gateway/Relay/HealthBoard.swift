// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The upstream's health for those who may not enter the dispatcher's event loop. The dispatcher writes it.
package final class HealthBoard: Sendable {
  private let health = Mutex(UpstreamHealth())

  package init() {}

  package var current: UpstreamHealth { health.withLock { $0 } }

  func publish(_ new: UpstreamHealth) {
    health.withLock { $0 = new }
  }
}
