// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Every bound of the queue, with its reason.
package enum QueueLimits {
  /// Content of one record: what a session may hold in memory of its message.
  package static let chunkOctetsMax = 64 << 10
  /// Recipients of one message. With the longest addresses their envelope still fits one record.
  package static let recipientsMax = 10_000
  /// What is written in front of a message: trace field, date, message id.
  package static let prefixOctetsMax = 64 << 10
  /// Chunks of one message: 32 GiB.
  package static let chunksMax = 1 << 19
  /// One string of the origin; peers' names are cut to 512 octets before they come here.
  package static let originOctetsMax = 1024
  /// Messages that are looked at under one hold of the lock when an admin asks: far below a millisecond.
  package static let pageMessagesMax = 512
  /// The same for a change that writes a record for each message.
  package static let pageBouncesMax = 64
  /// Octets that compaction appends before it waits for them: a sync that carries them is not much longer for it.
  package static let compactionOctetsMax = 1 << 20
  /// Records of the log between two calls of `progress` while the queue is opened: a second or two on the slowest disk.
  package static let progressRecords = 512
  /// Spread of retry times around the policy's step, so that mail deferred together does not come back together.
  package static let jitterPercent: Int64 = 20
  /// How often the time of day is written down while something is dropped, and the most that any time between two
  /// records counts against the time in which a drop can be taken back.
  package static let markMilliseconds: Int64 = 10 * 60_000
  /// After a start, how long the wall clock is not believed when it says that a hold is over: time to correct it in.
  package static let clockDoubtMilliseconds: Int64 = 15 * 60_000
  /// Milliseconds, of wall clocks, durations and totals, that nobody wrote down in earnest: in somebody's file they count
  /// as so many, so that no sum of them is too large. A number of JSON holds as much.
  package static let timeMax: Int64 = 1 << 53
  /// Numbers of messages and batches above this one are not counted on from: no queue comes near, and a file that got one
  /// by mistake must not use up the rest.
  package static let countedMax: UInt64 = 1 << 44
  /// Numbers that are passed over at a start that could not read all of the log: more than a segment can have given.
  package static let numbersBehindDamage: UInt64 = 1 << 24
}

extension Int64 {
  /// A time, or so much of it as the queue counts with.
  var boundedTime: Int64 { Swift.min(Swift.max(self, -QueueLimits.timeMax), QueueLimits.timeMax) }
}
