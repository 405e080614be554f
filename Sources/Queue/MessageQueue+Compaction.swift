// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// What a piece of compaction came to.
package enum CompactionProgress: Sendable, Equatable {
  /// The log is small enough.
  case idle
  /// Copies are on their way to the disk: `compactionDue` is called when they have arrived.
  case underWay
  /// All that could be copied is; somebody has the rest, or the octets of a body that is still arriving are in the way.
  /// Ask again after a while.
  case blocked
  /// The disk did not take the copies; everything is where it was. Ask again after a while.
  case refused
}

extension MessageQueue {
  /// Copies a bounded part of what lives in the oldest segment to the end of the log, if the log has grown too large for
  /// what lives in it. Segments go by themselves when nothing in them is needed. To be called by one thread at a time,
  /// which may wait for the disk, when `compactionDue` says so and until this says that there is nothing to do.
  package func compact(now: Instant) throws(QueueError) -> CompactionProgress {
    do throws(LogError) {
      return try relocation.advance(self, now: now)
    } catch {
      throw .log(error)
    }
  }

  /// Whether room on the disk is so short that copying pays earlier than usual. May call `compactionDue`.
  package func spaceIsShort(_ isShort: Bool) {
    let use = log.use
    let isDue = core.books.withLock { books in
      books.compaction.isSpaceShort = isShort
      return books.askForCompaction(use)
    }
    if isDue { core.tellCompactionDue() }
  }

  /// Octets of all segment files, and those that something living needs.
  package var logOctets: (onDisk: Int, live: Int) {
    (log.use.octets, core.books.withLock { $0.ledger.totalOctets })
  }
}
