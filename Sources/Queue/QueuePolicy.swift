// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// What the admin decided about the queue. Adopted as a whole, also at run time.
package struct QueuePolicy: Sendable, Equatable {
  /// Milliseconds from one attempt to the next; the last step repeats.
  package var retry: [Int64]
  /// Milliseconds after which a deferral becomes a failure.
  package var lifetime: Int64
  /// Milliseconds after which a deferral is told to the sender, once; nil means never.
  package var warnAfter: Int64?
  package var segmentOctets: Int

  private static let minute: Int64 = 60_000

  package init(
    retry: [Int64] = [1, 5, 15, 30, 60, 120, 240].map { $0 * QueuePolicy.minute },
    lifetime: Int64 = 5 * 24 * 60 * QueuePolicy.minute,
    warnAfter: Int64? = nil,
    segmentOctets: Int = LogLimits.segmentOctets
  ) {
    precondition(!retry.isEmpty && retry.allSatisfy { $0 > 0 } && lifetime > 0)
    self.retry = retry
    self.lifetime = lifetime
    self.warnAfter = warnAfter
    self.segmentOctets = segmentOctets
  }

  /// Milliseconds to wait after the attempt of this number, the first being 1: the step of the policy, spread evenly
  /// over 80 to 120 % by `jitter`, any number.
  package func delay(afterAttempt attempt: Int, jitter: UInt64) -> Int64 {
    let step = retry[min(max(attempt, 1), retry.count) - 1]
    let spread = step * QueueLimits.jitterPercent / 100
    let offset = Int64((jitter >> 1) % UInt64(2 * spread + 1))
    return step - spread + offset
  }

  /// No retry is further away, whatever a file or a clock says.
  package var delayMax: Int64 {
    let longest = retry.max() ?? 0
    return longest + longest * QueueLimits.jitterPercent / 100
  }
}
