// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Faults that we put into our own log to see whether the tests would notice: `make mutation-test` makes each of them
/// in turn, in a build that is made for nothing else. In every other build each is false, and none can be chosen.
enum SeededFault {
  // MARK: Answers and syncs
  static var syncSkipped: Bool { isMade() }
  static var answeredBeforeSync: Bool { isMade() }
  static var directorySyncSkipped: Bool { isMade() }
  static var syncRetried: Bool { isMade() }
  static var failedSegmentUsedAgain: Bool { isMade() }
  static var failedWriteNotVoided: Bool { isMade() }
  static var voidNotWritten: Bool { isMade() }
  static var voidAfterReply: Bool { isMade() }
  static var voidOnce: Bool { isMade() }
  static var changesNotRestated: Bool { isMade() }
  // MARK: The head of the log
  static var retiredTooEarly: Bool { isMade() }
  static var retiredOutOfOrder: Bool { isMade() }
  static var removalNotSynced: Bool { isMade() }
  // MARK: Reading
  static var payloadChecksumIgnored: Bool { isMade() }
  static var headerChecksumIgnored: Bool { isMade() }
  static var readChecksumIgnored: Bool { isMade() }
  static var memoryTrusted: Bool { isMade() }
  static var tornTailNotVoided: Bool { isMade() }
  static var gapIgnored: Bool { isMade() }
  /// And nobody looks for holes: an index that has one is not used.
  static var indexForgetsRecords: Bool { isMade() }
  static var indexChecksumIgnored: Bool { isMade() }

  #if SEEDED_FAULTS
    private static func isMade(_ name: String = #function) -> Bool { ChosenFault.isMade(name) }
  #else
    @inline(__always) private static func isMade() -> Bool { false }
  #endif
}
