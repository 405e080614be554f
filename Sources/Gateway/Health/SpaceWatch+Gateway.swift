// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue

extension SpaceWatch {
  package convenience init(parts: Parts, _ configuration: Configuration.Queue) {
    self.init(parts: parts, limits: SpaceGauge.Limits(configuration))
  }

  /// Over the queue that a gateway has just opened.
  convenience init(_ queue: MessageQueue, _ configuration: Configuration.Queue, clock: Clock, log: EventLog) {
    let directory = configuration.directory
    if let doubt = FileSystem(at: directory)?.doubt { log.report(.spoolDoubtful(directory: directory, reason: doubt)) }
    self.init(
      parts: Parts(
        measure: { FileSystem(at: directory) }, condition: { queue.log.condition },
        steps: { queue.log.writerProgress.steps }, messages: { queue.summary(now: clock.now()).messages },
        now: { clock.now().monotonic }, report: { log.report($0) }, spaceIsShort: { queue.spaceIsShort($0) },
        reserve: SpoolReserve(
          directory: directory, octets: Int64(QueuePolicy.segmentOctets(of: FileSystem(at: directory))))),
      configuration)
  }
}

extension SpaceGauge.Limits {
  init(_ configuration: Configuration.Queue) {
    self.init(minFreeOctets: Int64(configuration.minFree), messagesMax: configuration.maxMessages)
  }
}

extension QueuePolicy {
  /// Of a small file system no more than its 64th part, so that segments come and go there as well.
  static func segmentOctets(of fileSystem: FileSystem?) -> Int {
    let usual = QueuePolicy().segmentOctets
    guard let fileSystem else { return usual }
    return min(usual, max(1 << 20, Int(clamping: fileSystem.octets / 64) & ~((1 << 20) - 1)))
  }
}
