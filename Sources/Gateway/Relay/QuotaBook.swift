// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import NIOCore

/// How much each upstream took of late, for those with a quota. Kept over restarts in a file that is written now and
/// then, so that a kill forgets what was sent in the last seconds: a count that is a little low costs a refusal by the
/// provider, which is known and waited for; mail never depends on it.
///
/// Lives on the dispatcher's event loop; the file is written by a thread that may wait.
package final class QuotaBook {
  static let writeSeconds: Int64 = 10

  private let storage: any QuotaStorage
  private let threads: any WorkerThreads
  private let eventLoop: any EventLoop
  private let clock: Clock
  private var counts: [String: RollingCount] = [:]
  /// As they were read, until somebody says what the limit is.
  private var read: QuotaRecord
  private var writing: Scheduled<Void>?

  /// Reads what was counted before; may wait for the disk. A file that cannot be read counts as none, and `failed` is
  /// told.
  package init(
    storage: any QuotaStorage, threads: any WorkerThreads, eventLoop: any EventLoop, clock: Clock,
    failed: (String) -> Void = { _ in }
  ) {
    self.storage = storage
    self.threads = threads
    self.eventLoop = eventLoop
    self.clock = clock
    do throws(QuotaError) {
      let record = try storage.read()
      guard record.isSound else { throw QuotaError("what the file of quotas holds was never counted") }
      read = record
    } catch {
      read = QuotaRecord()
      failed(error.description)
    }
  }

  /// The quota that holds for this upstream from now on; nil: none. What was counted stays, unless it was something else.
  func adopt(_ quota: Configuration.Quota?, of upstream: String) {
    let now = clock.now().wall
    guard let quota else {
      counts[upstream] = nil
      return
    }
    let entry = record.upstreams[upstream].flatMap { $0.unit == quota.unit.rawValue ? $0 : nil }
    counts[upstream] = RollingCount(
      limit: quota.count, window: Int64(quota.seconds) * 1000,
      parts: entry?.parts.map { ($0.start.milliseconds, $0.count) } ?? [], now: now)
    units[upstream] = quota.unit.rawValue
    read.upstreams[upstream] = nil
  }

  private var units: [String: String] = [:]

  func note(_ count: Int, of upstream: String) {
    guard count > 0, counts[upstream] != nil else { return }
    counts[upstream]!.add(count, at: clock.now().wall)
    writeSoon()
  }

  /// Wall time at which there is room again; nil: there is.
  func roomAt(of upstream: String) -> Int64? { counts[upstream]?.roomAt(clock.now().wall) }

  /// nil: no quota.
  subscript(upstream: String) -> RollingCount? { counts[upstream] }

  private var record: QuotaRecord {
    var record = read
    for (name, count) in counts {
      record.upstreams[name] = QuotaRecord.Entry(
        unit: units[name] ?? "messages",
        parts: count.parts.map {
          QuotaRecord.Part(start: Timestamp(milliseconds: count.start(of: $0)), count: $0.count)
        })
    }
    return record
  }

  private func writeSoon() {
    guard writing == nil, !SeededFault.quotaNotKept else { return }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    writing = eventLoop.scheduleTask(in: .seconds(Self.writeSeconds)) {
      bound.value.writing = nil
      _ = bound.value.write()
    }
  }

  /// A disk that does not take it is asked again with the next message.
  private func write() -> EventLoopFuture<Void> {
    threads.run(on: eventLoop) { [storage, record] in try storage.write(record) }
  }

  /// Writes what was counted last.
  func stop() -> EventLoopFuture<Void> {
    guard let writing else { return eventLoop.makeSucceededVoidFuture() }
    writing.cancel()
    self.writing = nil
    return write()
  }
}

/// Where counts are kept over the end of the process: a file, and the memory of tests. May wait for the disk.
package protocol QuotaStorage: Sendable {
  /// Empty if nothing was ever counted.
  func read() throws(QuotaError) -> QuotaRecord
  /// All or nothing.
  func write(_ record: QuotaRecord) throws(QuotaError)
}

/// Why counts cannot be kept or read back.
package struct QuotaError: Error, Sendable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}

extension QuotaRecord {
  /// Numbers that were counted: sums of them do not overflow.
  fileprivate var isSound: Bool {
    upstreams.values.lazy.flatMap(\.parts).allSatisfy { ConfigurationLimits.quotaCount.contains($0.count) }
  }
}
