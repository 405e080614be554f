// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// How the log fares with its disk, for whoever watches it: the log itself knows nobody to tell. `WriteAheadLog` shows
/// it as it was after the last step.
package struct LogCondition: Sendable, Equatable {
  /// A segment of which a write or a sync failed; nothing was written there since.
  package struct GivenUp: Sendable, Equatable {
    package let segment: UInt32
    package let error: LogError

    /// The name of its file.
    package var name: String { SegmentName.text(segment) }
  }

  /// Segments given up since the start, and the last of them.
  package internal(set) var givenUpCount = 0
  package internal(set) var lastGivenUp: GivenUp?
  /// Three fresh segments failed in a row and none has succeeded since: nothing new is promised to anyone.
  package internal(set) var isFailing = false
  /// Why the last records were not taken; nil once records were made durable again.
  package internal(set) var refusal: LogError?
  /// How often the disk was full since the start.
  package internal(set) var fullCount = 0
  /// What must be made durable before anything new is tried again by itself, once a second.
  package internal(set) var isOwing = false

  package init() {}
}
