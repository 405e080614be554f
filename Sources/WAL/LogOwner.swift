// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Who gives records to a log and hears what became of them. There is one: the queue.
package protocol LogOwner: AnyObject, Sendable {
  /// Called by the thread that runs `step()`, once for each step that settled anything, in the order of the log, and
  /// never while the log holds a lock. Answers with the lowest segment that must be kept.
  func settle(_ settlements: [Settlement]) -> UInt32
  /// Segments that are put aside where others are removed, because somebody should look at them.
  var damagedSegments: Set<UInt32> { get }
  /// Called by the same thread when segments that nobody needs have gone. Answers with records that the owner wants to
  /// add, in any order with those of other threads.
  func stepped(_ use: LogUse) -> [OwnRecord]
}

extension LogOwner {
  package var damagedSegments: Set<UInt32> { [] }
  package func stepped(_ use: LogUse) -> [OwnRecord] { [] }
}

/// What the log takes on disk.
package struct LogUse: Sendable, Equatable {
  /// Of all segment files.
  package var octets = 0
  /// The oldest segment and the one that is written to; 0 if there is none.
  package var first: UInt32 = 0
  package var current: UInt32 = 0
}

/// A change of state that the log's owner adds by itself; written again if its sync fails.
package struct OwnRecord: Sendable {
  package let type: UInt8
  package let payload: [UInt8]
  package let ticket: UInt64

  package init(type: UInt8, payload: [UInt8], ticket: UInt64) {
    self.type = type
    self.payload = payload
    self.ticket = ticket
  }
}
