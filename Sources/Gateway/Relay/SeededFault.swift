// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

#if SEEDED_FAULTS
  import WAL
#endif

/// Faults that we put into our own relay to see whether the tests would notice, as in the log.
enum SeededFault {
  static var outcomeBeforeReply: Bool { isMade() }
  // MARK: Which upstream
  static var wayIgnored: Bool { isMade() }
  static var laterOfWayFirst: Bool { isMade() }
  static var messageBlamed: Bool { isMade() }
  static var standstillForgotten: Bool { isMade() }
  // MARK: How much
  static var oneConnectionMore: Bool { isMade() }
  static var rateForgotten: Bool { isMade() }
  static var underWayForgotten: Bool { isMade() }
  static var quotaNotKept: Bool { isMade() }
  // MARK: How fast
  static var flightUnproven: Bool { isMade() }

  #if SEEDED_FAULTS
    private static func isMade(_ name: String = #function) -> Bool { ChosenFault.isMade(name) }
  #else
    @inline(__always) private static func isMade() -> Bool { false }
  #endif
}
