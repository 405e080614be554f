// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Queue

/// Tells senders what became of their mail: takes one notice after the other from the queue, has its notification
/// written on a thread that may wait, and hands it to the queue as a message like any other. The acceptance of the
/// notification ends the notice by the same record, so that a crash leaves both or neither.
///
/// Lives on one event loop: every method is called there. A `Bell` reaches it from elsewhere.
package final class NoticeWriter: BellListener {
  private enum Phase {
    case idle
    /// The next notification is being written, or there will turn out to be none.
    case preparing
    /// So many octets of it are on their way into the log, or there.
    case storing(Notification, octets: Int)
    /// The disk did not want it; the timer goes on.
    case paused
  }

  private let queue: MessageQueue
  private let threads: any WorkerThreads
  private let clock: Clock
  private let log: EventLog
  private let eventLoop: any EventLoop
  private let bell: Bell<NoticeWriter>
  private var settings: Settings
  private var phase = Phase.idle
  private var draft: Draft?
  /// Something was said to be due while one was written.
  private var isMoreDue = false
  private var failures = 0
  private var token: UInt64 = 0
  private var timer: Scheduled<Void>?
  private var isStopping = false

  package init(
    queue: MessageQueue, threads: any WorkerThreads, clock: Clock, log: EventLog, settings: Settings,
    eventLoop: any EventLoop, bell: Bell<NoticeWriter>
  ) {
    self.queue = queue
    self.threads = threads
    self.clock = clock
    self.log = log
    self.settings = settings
    self.eventLoop = eventLoop
    self.bell = bell
    bell.attach(self)
  }

  /// There may be something to tell.
  package func run() {
    guard !isStopping else { return }
    guard case .idle = phase else {
      isMoreDue = true
      return
    }
    isMoreDue = false
    phase = .preparing
    let job = NotificationJob(queue: queue, clock: clock, settings: settings)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    threads.run(on: eventLoop) { try job.run() }.whenComplete { bound.value.prepared($0) }
  }

  /// New settings hold for the next notification.
  package func replace(_ new: Settings) {
    settings = new
  }

  /// What is under way is finished or forgotten; a notice that is not ended is found again at the next start.
  package func stop() {
    isStopping = true
    timer?.cancel()
  }

  // MARK: one notification

  private func prepared(_ result: Result<Notification?, any Error>) {
    guard !isStopping else { return }
    switch result {
    case .success(let notification?):
      phase = .storing(notification, octets: 0)
      storeNext()
    case .success(nil):
      phase = .idle
      if isMoreDue { run() }
    case .failure(let error):
      pause(nil, "\(error)")
    }
  }

  /// Chunk after chunk, each when the one before is durable, so that a report of many recipients does not crowd out
  /// mail that comes in.
  private func storeNext() {
    guard case .storing(let notification, let stored) = phase else { return }
    let rest = notification.octets[stored...]
    token += 1
    let waiter = Waiter(receiver: bell, token: token)
    var current = draft.take() ?? queue.makeDraft()
    if rest.count > QueueLimits.chunkOctetsMax {
      let chunk = rest.prefix(QueueLimits.chunkOctetsMax)
      phase = .storing(notification, octets: chunk.endIndex)
      queue.store(chunk.span.bytes, in: &current, notify: waiter)
      draft = consume current
    } else {
      phase = .storing(notification, octets: notification.octets.count)
      let isDue = queue.accept(
        notification.submission, last: rest.span.bytes, of: current, now: clock.now(), notify: waiter,
        reporting: notification.notice.take())
      guard !isDue else { return }
      phase = .idle
      run()
    }
  }

  func completed(_ completion: Completion, _ token: UInt64) {
    guard token == self.token, case .storing(let notification, _) = phase else { return }
    switch completion {
    case .stored(let extent):
      draft?.stored(extent)
      storeNext()
    case .accepted(let id):
      accepted(id, notification)
      failures = 0
      phase = .idle
      run()
    case .failed(let failure):
      if let current = draft.take() { queue.abandon(current) }
      pause(notification.facts.about, failure == .full ? "the disk is full" : "the disk failed")
    }
  }

  private func accepted(_ id: MessageID, _ notification: Notification) {
    if let damage = notification.damage { log.report(.contentUnreadable(notification.facts.about, damage)) }
    let (facts, envelope) = (notification.facts, notification.submission.envelope)
    log.report(.notified(facts), at: .info)
    log.report(
      .queued(id, sender: nil, octets: notification.octets.count, recipients: envelope.recipients.count), at: .info)
    if queue.view(facts.about) == nil { log.report(.removed(facts.about), at: .info) }
  }

  /// The notice went back to the queue; the next try begins with whichever is first then.
  private func pause(_ id: MessageID?, _ reason: String) {
    guard !isStopping else { return }
    failures += 1
    let seconds = min(Self.pauseSeconds << Int64(min(failures - 1, 16)), Self.pauseSecondsMax)
    log.report(.notificationPostponed(id, reason: reason, seconds: seconds))
    phase = .paused
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timer = eventLoop.scheduleTask(in: .seconds(seconds)) {
      bound.value.phase = .idle
      bound.value.run()
    }
  }

  private static let pauseSeconds: Int64 = 5
  private static let pauseSecondsMax: Int64 = 300
}
