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
  /// Numbers that are passed over at a start that could not read all of the log: more than a segment can have given.
  package static let numbersBehindDamage: UInt64 = 1 << 24
}
