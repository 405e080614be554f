// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

#if SEEDED_FAULTS
  import WAL
#endif

/// Faults that we put into our own queue to see whether the tests would notice, as in the log.
enum SeededFault {
  // MARK: Mail
  static var numberUsedAgain: Bool { isMade() }
  static var draftNotPinned: Bool { isMade() }
  static var leasedTwice: Bool { isMade() }
  static var noticeWithoutRecord: Bool { isMade() }
  // MARK: Lanes
  static var laneNotAsked: Bool { isMade() }
  static var laneKept: Bool { isMade() }
  static var otherLaneForgotten: Bool { isMade() }
  // MARK: What the admin orders
  static var holdNotWritten: Bool { isMade() }
  static var dropNotWritten: Bool { isMade() }
  static var eraseNotWritten: Bool { isMade() }
  // MARK: Compaction
  static var copyNotAwaited: Bool { isMade() }
  static var staleCopyWritten: Bool { isMade() }
  static var copyForgetsHold: Bool { isMade() }
  static var copyForgetsDrop: Bool { isMade() }
  static var copyForgetsRecipients: Bool { isMade() }
  static var keptNotWritten: Bool { isMade() }

  #if SEEDED_FAULTS
    private static func isMade(_ name: String = #function) -> Bool { ChosenFault.isMade(name) }
  #else
    @inline(__always) private static func isMade() -> Bool { false }
  #endif
}
