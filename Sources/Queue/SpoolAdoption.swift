// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// Takes over the living messages of another machine's spool, with their ids, states and last replies. The other spool is
/// only read, and our own remembers how far it has been taken over: adopting twice is adopting once, also if messages
/// were delivered in between, and if the first time came to an end in the middle. For the command line, while no daemon
/// has either spool.
package enum SpoolAdoption {
  /// `salt` is a random number, `host` the name of this machine. Throws `QueueError.log(.inUse)` if a daemon has one of
  /// the spools, `.ownSpool` if the other one is a copy of ours, and `.nameless` if it was last written by a version that
  /// gave spools no identity. What was taken before an error stays taken.
  package static func adopt(
    from path: String, into ownPath: String, now: Instant, salt: UInt64, host: String
  ) throws(QueueError) -> SpoolAdoptionReport {
    let disk = try QueueError.wrap { () throws(LogError) in try PosixDisk(reading: path) }
    let ownDisk = try QueueError.wrap { () throws(LogError) in try PosixDisk(path: ownPath) }
    return try adopt(from: disk, named: path, into: ownDisk, now: now, salt: salt, host: host)
  }

  /// The same on any disks.
  package static func adopt(
    from disk: any Disk, named path: String, into ownDisk: any Disk, now: Instant, salt: UInt64, host: String
  ) throws(QueueError) -> SpoolAdoptionReport {
    let source = try QueueError.wrap { () throws(LogError) in try SpoolSource(disk, now: now) }
    let spool = source.recovered.spool
    guard spool != 0 else { throw .nameless(path) }
    let (target, own) = try MessageQueue.open(
      disk: ownDisk, policy: QueuePolicy(), now: now, salt: salt, host: host, ready: {})
    guard own.spool != spool else { throw .ownSpool(path) }
    let done = target.core.books.withLock { books in
      books.state.adopted.first { $0.spool == spool }?.highest ?? 0
    }
    var transfer = SpoolTransfer(from: source, to: target)
    var report = SpoolAdoptionReport(recovery: source.report, host: source.recovered.host)
    for number in source.numbers {
      guard number > done else {
        report.earlier += 1
        continue
      }
      let old = MessageID(number: number)
      let id = target.view(old) == nil ? old : target.makeID()
      guard try transfer.take(number, as: id, from: spool) else {
        report.lost.append(old)
        continue
      }
      report.adopted.append(id)
      if id != old { report.renamed.append(SpoolAdoptionReport.Renamed(old: old, new: id)) }
    }
    if source.lastNumber > done { transfer.finish(AdoptedSpool(spool: spool, highest: source.lastNumber)) }
    try transfer.settle()
    try source.expectUnchanged(disk)
    return report
  }
}

/// What was taken over from another spool.
package struct SpoolAdoptionReport: Sendable {
  package struct Renamed: Sendable, Hashable {
    package var old: MessageID
    package var new: MessageID
  }

  /// What was found in the other spool.
  package var recovery: RecoveryReport
  /// Where the other spool was last written; empty if it does not say so.
  package var host: String
  /// By the ids that they have here.
  package var adopted: [MessageID] = []
  /// Those of them whose ids were those of messages of ours.
  package var renamed: [Renamed] = []
  /// Messages that were taken over before.
  package var earlier = 0
  /// Something of them cannot be read: they are in the other spool only.
  package var lost: [MessageID] = []
}
