// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Queue
import Synchronization

/// How the queue reaches the notice writer from any thread: that there is something to tell, and what became of what
/// the writer stored. However often it rings before the writer runs, the writer runs once.
package final class NoticeBell: CompletionReceiver {
  private let eventLoop: any EventLoop
  private let isRinging = Atomic(false)
  private let writer: NIOLoopBoundBox<NoticeWriter?>

  package init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    writer = .makeBoxSendingValue(nil, eventLoop: eventLoop)
  }

  /// On the event loop.
  func attach(_ writer: NoticeWriter) {
    self.writer.value = writer
  }

  package func ring() {
    guard !isRinging.exchange(true, ordering: .acquiringAndReleasing) else { return }
    eventLoop.execute {
      self.isRinging.store(false, ordering: .releasing)
      self.writer.value?.run()
    }
  }

  package func receive(_ completions: [(token: UInt64, completion: Completion)]) {
    eventLoop.execute {
      for (token, completion) in completions { self.writer.value?.completed(completion, token) }
    }
  }
}
