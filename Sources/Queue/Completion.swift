// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

package typealias Extent = WAL.Extent
package typealias StorageFailure = WAL.StorageFailure
package typealias Instant = WAL.Instant

/// What became of a `store` or an `accept`.
package enum Completion: Sendable {
  case stored(Extent)
  case accepted(MessageID)
  case failed(StorageFailure)
}

/// Who waits for completions: an event loop with many sessions.
package protocol CompletionReceiver: AnyObject, Sendable {
  /// Called on the writer's thread (in the simulator: in `step()`), once for each receiver and sync.
  func receive(_ completions: [(token: UInt64, completion: Completion)])
}

/// Who hears of one completion, and by which of his own numbers.
package struct Waiter: Sendable {
  package let receiver: any CompletionReceiver
  package let token: UInt64

  package init(receiver: any CompletionReceiver, token: UInt64) {
    self.receiver = receiver
    self.token = token
  }
}
