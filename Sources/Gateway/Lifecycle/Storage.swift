// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import Queue
import Systemd
import WAL

/// What lies on the mail's disk, opened together and closed together: the queue, the thread that writes its log, the
/// memory of mail that ended, and the watch over the room that is left.
struct Storage: Sendable {
  let queue: MessageQueue
  let history: HistoryWriter
  let watch: SpaceWatch
  private let writer: LogWriter

  /// What the queue rings when there is something to do for somebody who lives on an event loop.
  struct Bells {
    var dispatcher: Bell<Dispatcher>
    var notices: Bell<NoticeWriter>
    var compactor: Bell<Compactor>
  }

  /// Reads the whole queue, and asks for time while that takes long.
  init(
    settings holder: SettingsHolder, now startedAt: Instant, clock: Clock, log: EventLog, notifier: Notifier,
    bells: Bells
  ) throws {
    let configuration = holder.current.configuration.queue
    let wasKilled = SpoolPlace.wasLeftBehind(configuration.directory)
    do {
      try SpoolPlace.check(configuration.directory)
      let disk = try PosixDisk(path: configuration.directory)
      history = HistoryWriter(
        HistoryDirectory(path: "\(configuration.directory)/history"), keep: configuration.historyKeep, clock: clock,
        report: { log.report($0) })
      var pace = RecoveryPace()
      let (queue, report) = try MessageQueue.open(
        disk: disk, policy: QueuePolicy(opening: configuration), now: startedAt, salt: SecureRandom.number(),
        host: HostName.own(), router: holder.current.routes, finishedMail: history,
        progress: { messages in
          guard pace.isDue(clock.now().monotonic) else { return }
          notifier.extendTimeout(
            seconds: RecoveryPace.extensionSeconds, status: "reading the queue: \(messages) messages")
        },
        ready: { bells.dispatcher.ring() }, noticesDue: { bells.notices.ring() },
        compactionDue: { bells.compactor.ring() })
      self.queue = queue
      writer = LogWriter(log: queue.log)
      watch = SpaceWatch(queue, configuration, clock: clock, log: log)
      for damage in report.damages { log.report(.spoolDamaged("\(damage)")) }
      if let host = report.otherHost { log.report(.spoolMoved(host: host)) }
      log.report(
        .recovered(
          messages: report.messages, segments: report.segments,
          milliseconds: clock.now().monotonic - startedAt.monotonic, wasKilled: wasKilled && report.messages > 0))
    } catch {
      // Nothing was sent. A mark that was there stays: it is of whoever left it, or has the directory now.
      if !wasKilled { SpoolPlace.leave(configuration.directory) }
      throw error
    }
  }

  func start() {
    history.start()
    writer.start()
  }

  /// When nobody has anything to write any more.
  func close(directory: String) {
    writer.stop()
    // What the log had still to tell has been told.
    history.stop()
    // Outcomes that could not be written down are lost, as after a kill.
    if !queue.log.condition.isOwing { SpoolPlace.leave(directory) }
  }
}

extension QueuePolicy {
  /// With what only a start can decide.
  fileprivate init(opening configuration: Configuration.Queue) {
    self.init(configuration)
    segmentOctets = Self.segmentOctets(of: FileSystem(at: configuration.directory))
  }

  init(_ configuration: Configuration.Queue) {
    self.init(retry: configuration.retry, lifetime: configuration.lifetime, warnAfter: configuration.warnAfter)
  }
}
