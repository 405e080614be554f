// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// How the queue reaches the compactor from any thread. However often it rings before the compactor runs, it runs once.
package final class CompactionBell: Sendable {
  private let eventLoop: any EventLoop
  private let isRinging = Atomic(false)
  private let compactor: NIOLoopBoundBox<Compactor?>

  package init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    compactor = .makeBoxSendingValue(nil, eventLoop: eventLoop)
  }

  /// On the event loop.
  func attach(_ compactor: Compactor) {
    self.compactor.value = compactor
  }

  package func ring() {
    guard !isRinging.exchange(true, ordering: .acquiringAndReleasing) else { return }
    eventLoop.execute {
      self.isRinging.store(false, ordering: .releasing)
      self.compactor.value?.run()
    }
  }
}
