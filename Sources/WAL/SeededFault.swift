// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

#if SEEDED_FAULTS
  import Synchronization
#endif

/// Faults that we put into our own code to see whether the tests would notice: `make mutation-test` makes each of them
/// in turn, in a build that is made for nothing else. In every other build each is false, and none can be chosen.
package enum SeededFault {
  // MARK: Answers and syncs
  package static var syncSkipped: Bool { isMade() }
  package static var answeredBeforeSync: Bool { isMade() }
  package static var directorySyncSkipped: Bool { isMade() }
  package static var syncRetried: Bool { isMade() }
  package static var failedSegmentUsedAgain: Bool { isMade() }
  package static var failedWriteNotVoided: Bool { isMade() }
  package static var voidNotWritten: Bool { isMade() }
  package static var voidAfterReply: Bool { isMade() }
  package static var voidOnce: Bool { isMade() }
  package static var changesNotRestated: Bool { isMade() }
  // MARK: The head of the log
  package static var retiredTooEarly: Bool { isMade() }
  package static var retiredOutOfOrder: Bool { isMade() }
  package static var removalNotSynced: Bool { isMade() }
  package static var draftNotPinned: Bool { isMade() }
  // MARK: Reading
  package static var payloadChecksumIgnored: Bool { isMade() }
  package static var headerChecksumIgnored: Bool { isMade() }
  package static var readChecksumIgnored: Bool { isMade() }
  package static var memoryTrusted: Bool { isMade() }
  package static var tornTailNotVoided: Bool { isMade() }
  package static var gapIgnored: Bool { isMade() }
  package static var indexForgetsRecords: Bool { isMade() }
  // MARK: The queue
  package static var numberUsedAgain: Bool { isMade() }
  package static var leasedTwice: Bool { isMade() }
  package static var outcomeBeforeReply: Bool { isMade() }
  package static var noticeWithoutRecord: Bool { isMade() }
  package static var holdNotWritten: Bool { isMade() }

  #if SEEDED_FAULTS
    private static let chosen = Mutex("")

    /// The one fault of this process.
    package static func make(_ name: String) { chosen.withLock { $0 = name } }

    private static func isMade(_ name: String = #function) -> Bool { chosen.withLock { $0 == name } }
  #else
    @inline(__always) private static func isMade() -> Bool { false }
  #endif
}
