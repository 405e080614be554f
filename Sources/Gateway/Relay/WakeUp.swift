// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Wakes the dispatcher from any thread. However often it rings before the dispatcher runs, it runs once.
package final class WakeUp: Sendable {
  private let eventLoop: any EventLoop
  private let isRinging = Atomic(false)
  private let dispatcher: NIOLoopBoundBox<Dispatcher?>

  package init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    dispatcher = .makeBoxSendingValue(nil, eventLoop: eventLoop)
  }

  /// On the event loop.
  func attach(_ dispatcher: Dispatcher) {
    self.dispatcher.value = dispatcher
  }

  package func ring() {
    guard !isRinging.exchange(true, ordering: .acquiringAndReleasing) else { return }
    eventLoop.execute {
      self.isRinging.store(false, ordering: .releasing)
      self.dispatcher.value?.run()
    }
  }
}
