// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Logging
import Synchronization
import Systemd

/// Where events go. One for the process, called from every thread; the level follows the configuration. What lies under
/// the level is not made into text or fields.
package final class EventLog: Sendable {
  private let logger: Logger
  private let threshold: Atomic<Int>
  private let output: LineOutput?

  /// `output`: where the handler writes its lines, if it writes lines.
  package init(handler: any LogHandler, level: Logger.Level = .info, output: LineOutput? = nil) {
    self.output = output
    var logger = Logger(label: "postern") { _ in handler }
    logger.logLevel = .trace
    self.logger = logger
    threshold = Atomic(level.rank)
  }

  package func setLevel(_ level: Logger.Level) {
    threshold.store(level.rank, ordering: .relaxed)
  }

  /// The text of an event is made only if somebody wants it.
  package func report(_ event: @autoclosure () -> Event, at level: Logger.Level? = nil) {
    if let level, level.rank < threshold.load(ordering: .relaxed) { return }
    let event = event()
    guard event.level.rank >= threshold.load(ordering: .relaxed) else { return }
    logger.log(
      level: event.level, Logger.Message(stringLiteral: event.message),
      metadata: Logger.Metadata(record: event))
  }

  /// Many events are about to be reported: their lines are written at `release`, which comes in the same turn of an
  /// event loop.
  package func hold() {
    output?.hold()
  }

  package func release() {
    output?.release()
  }
}

extension Logger.Level {
  fileprivate var rank: Int { Self.allCases.firstIndex(of: self)! }
}

extension Configuration.Log.Level {
  package var logger: Logger.Level {
    switch self {
    case .error: .error
    case .warning: .warning
    case .notice: .notice
    case .info: .info
    case .debug: .debug
    }
  }
}
