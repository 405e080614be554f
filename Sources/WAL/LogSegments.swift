// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The segment files of a log: makes the next one and removes those at the head, each durable before anything depends on
/// it. It writes nothing behind a header. Only `LogTail` uses it, on the thread that steps the log.
struct LogSegments {
  private let disk: any Disk
  private let salt: UInt64
  private let spool: UInt64
  private let host: String
  private let firstBegun: UInt32
  private let awaited: UInt32?

  /// Numbers of all segments on disk, ascending.
  private(set) var numbers: [UInt32]
  /// Those of them that were given up while they were made.
  private var unbegun: Set<UInt32>
  private var octets: [UInt32: Int]
  private var next: UInt32

  init(disk: any Disk, recovered: RecoveredLog, salt: UInt64, host: String) {
    self.disk = disk
    self.salt = salt
    self.host = host
    // Spools of earlier versions, and new ones, get their identity now. No segment has the number 0.
    spool = recovered.spool != 0 ? recovered.spool : max(1, SegmentHeader.salt(salt, segment: 0))
    firstBegun = recovered.firstBegun
    awaited = recovered.awaited
    numbers = recovered.segments
    unbegun = Set(recovered.unbegun)
    octets = recovered.segmentOctets
    next = recovered.nextSegment
  }

  /// What the first records of a new segment will be.
  struct Beginning {
    var sequence: UInt64
    var sync: UInt64
    var lastDurableSync: UInt64
    var mark: UInt64
  }

  /// A file is used only when its header and its name are durable.
  mutating func make(octets: Int, _ beginning: Beginning) throws(LogError) -> (SegmentHeader, any DiskFile) {
    let octets = octets.rounded(upTo: SegmentHeader.blockOctets)
    let number = try takeNumber()
    let name = SegmentName.text(number)
    let header = SegmentHeader(
      number: number, salt: SegmentHeader.salt(salt, segment: number), firstSequence: beginning.sequence,
      firstSync: beginning.sync, lastDurableSync: beginning.lastDurableSync, mark: beginning.mark,
      fileOctets: UInt32(octets), spool: spool, floor: floor ?? number, host: host)
    do throws(LogError) {
      let file = try disk.create(name, octets: octets)
      var failure: LogError?
      header.block().withUnsafeBytes { block in
        do throws(LogError) {
          try file.writeAll(block, at: 0, name: name)
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
      try file.sync()
      if !SeededFault.directorySyncSkipped { try disk.syncDirectory() }
      numbers.append(number)
      self.octets[number] = octets
      return (header, file)
    } catch {
      // Somebody else made it meanwhile.
      if error.isExistence { throw error }
      // What cannot be removed now is in the way of every later head, and goes with them.
      if !remove(number) {
        numbers.append(number)
        unbegun.insert(number)
      }
      throw error
    }
  }

  /// The lowest segment that had a header once: what stands before was never begun. One that somebody may give back its
  /// place is not below it.
  private var floor: UInt32? {
    let first = numbers.first { $0 >= firstBegun && !unbegun.contains($0) }
    return [first, awaited].compactMap { $0 }.min()
  }

  /// The next number under which nothing stands: what cannot be made must be removed, and that must not be a file that
  /// was there before. Each number is taken once.
  private mutating func takeNumber() throws(LogError) -> UInt32 {
    while next < .max {
      let number = next
      next += 1
      do throws(LogError) {
        _ = try disk.open(SegmentName.text(number))
      } catch {
        if error.isAbsence { return number }
        // A directory or a link is there as well; of anything else nobody knows.
        guard error.isOtherEntry else { throw error }
      }
    }
    throw LogError.disk(attempt: "number", name: "a new segment", code: LogError.overflow)
  }

  /// Removes segments at the head, or gives them another name; never `current` nor what stands behind it. In order, and
  /// each durable before the next: a message must not come back because the segment with its acceptance outlived the one
  /// with its end.
  mutating func retire(below needed: UInt32, current: UInt32?, puttingAside damaged: Set<UInt32>) -> [UInt32] {
    var removed: [UInt32] = []
    let limit = min(SeededFault.retiredTooEarly ? needed &+ 1 : needed, last(current))
    while let head = numbers.first, head < limit {
      let first = SeededFault.retiredOutOfOrder ? numbers.last { $0 < limit }! : head
      // The next step tries again; a segment too many does no harm.
      guard remove(first, isDamaged: damaged.contains(first)),
        SeededFault.removalNotSynced || (try? disk.syncDirectory()) != nil
      else { break }
      numbers.removeAll { $0 == first }
      octets[first] = nil
      unbegun.remove(first)
      removed.append(first)
    }
    return removed
  }

  /// True if there is no such segment afterwards: it may have gone in an attempt whose directory sync failed.
  private func remove(_ number: UInt32, isDamaged: Bool = false) -> Bool {
    do throws(LogError) {
      if isDamaged {
        try disk.rename(SegmentName.text(number), to: SegmentName.setAside(number))
      } else {
        try disk.remove(SegmentName.text(number))
      }
      return true
    } catch {
      return error.isAbsence
    }
  }

  /// One that was given up while it was made may vanish with the power, so nothing is said of it.
  private func last(_ current: UInt32?) -> UInt32 { current ?? numbers.last { !unbegun.contains($0) } ?? 0 }

  func use(current: UInt32?) -> LogUse {
    LogUse(octets: octets.values.reduce(0, +), first: numbers.first ?? 0, current: last(current))
  }
}
