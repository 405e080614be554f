// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Queue
import Synchronization

/// What lives on an event loop and looks what there is to do when it is called.
package protocol BellListener: AnyObject, SendableMetatype {
  /// On the event loop.
  func run()
}

/// How the queue reaches somebody on an event loop from any thread. However often it rings before he runs, he runs once.
package final class Bell<Listener: BellListener>: Sendable {
  private let eventLoop: any EventLoop
  private let isRinging = Atomic(false)
  private let listener: NIOLoopBoundBox<Listener?>

  package init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    listener = .makeBoxSendingValue(nil, eventLoop: eventLoop)
  }

  /// On the event loop. Without a listener it rings unheard.
  package func attach(_ listener: Listener?) {
    self.listener.value = listener
  }

  package func ring() {
    guard !isRinging.exchange(true, ordering: .acquiringAndReleasing) else { return }
    eventLoop.execute {
      self.isRinging.store(false, ordering: .releasing)
      self.listener.value?.run()
    }
  }
}

/// The notice writer also hears what became of what it stored.
extension Bell: CompletionReceiver where Listener == NoticeWriter {
  package func receive(_ completions: [(token: UInt64, completion: Completion)]) {
    eventLoop.execute {
      for (token, completion) in completions { self.listener.value?.completed(completion, token) }
    }
  }
}
