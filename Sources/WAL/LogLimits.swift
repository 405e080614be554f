// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Every bound of the log, with its reason. The octet layout itself is in `SegmentHeader` and `RecordHeader`.
package enum LogLimits {
  /// Usual size of a segment. Small enough that a straggler keeps little disk, large enough that creating one
  /// (two syncs) is rare beside the batches it takes.
  package static let segmentOctets = 16 << 20
  /// Offsets are 32 bits wide and stay clear of the last block.
  package static let segmentOctetsMax = Int(UInt32.max) - (1 << 20)
  /// Records that one sync makes durable together. More waits for the next sync, so that a reply never waits for more
  /// octets than a disk writes in a few tens of milliseconds.
  package static let batchOctetsMax = 4 << 20
  /// Payload of one record. A chunk has 64 KiB, an `accepted` its envelope and 16 octets for each earlier chunk: this
  /// is enough for 64 GiB of content, and bounds what recovery holds in memory.
  package static let payloadOctetsMax = 16 << 20
  /// Room at the end of each segment that only changes of state may use: when the disk is full, outcomes still find
  /// a place, and finished mail frees segments.
  package static let reserveOctets = 64 << 10
  /// Of the index of the segment that is being written, what is held in memory; then it goes into the segment.
  package static let indexPageOctets = 64 << 10
  /// A change that only risks a duplicate is durable after at most so long.
  package static let lingerMillisecondsMax: Int64 = 50
  /// What a write that does not wait counts of these: at most ten of them linger.
  package static let lingerMillisecondsPerWrite: Int64 = 5
  /// Fresh segments tried in a row before the outcome of a failed sync is given up as undecided.
  package static let freshSegmentsMax = 3
  /// How long the writer rests before it tries again to write what a failed sync left behind.
  package static let debtRetryMilliseconds: Int64 = 1000
  /// Numbers above this one are not counted on from: no log comes near, and a file that got one by mistake must not use
  /// up the rest.
  package static let segmentNumberMax: UInt32 = 0xF000_0000
  /// Sequences, syncs and marks above this one were not written by us: no log comes near, and to count on from them must
  /// not overflow.
  package static let counterMax: UInt64 = 1 << 60
  /// Missing segments that are named: a number that rotted could claim billions.
  package static let missingSegmentsMax = 16
  /// Segments that are kept open for reading: a file descriptor each.
  package static let openFilesMax = 16
  /// What recovery reads at once to find the few records that it wants.
  package static let smallWindowOctets = 16 << 10
  /// What it reads at once otherwise.
  package static let windowOctets = 256 << 10
  /// Capacity of a batch buffer that is kept while there is nothing to write. Larger ones are given back to the system
  /// when that has lasted.
  package static let spareOctetsMax = 1 << 20
  package static let spareMilliseconds: Int64 = 1000
}
