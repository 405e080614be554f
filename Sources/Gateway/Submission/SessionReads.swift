// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import SMTP

/// How much a session reads at once, and into what. `Listeners` chooses the usual way, `SubmissionHandler` changes it for
/// the time of a long message.
enum SessionReads {
  /// Commands and small messages: into one buffer that the channel keeps, and that grows with what comes.
  static let usual = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2_048, maximum: 16_384)

  /// Into a new buffer each time, which may become a chunk of the message as it is: nothing of it stays with the channel.
  struct Long: RecvByteBufferAllocator {
    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
      allocator.buffer(capacity: Limits.longReadOctets)
    }

    /// The answer means that the last buffer must not be taken again.
    mutating func record(actualReadBytes: Int) -> Bool { true }
  }
}
