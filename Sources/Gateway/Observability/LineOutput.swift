// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Writes whole lines to a descriptor, one at a time: a pipe takes no more than 4 KiB at once, and lines of two threads
/// must not mix. Called from every thread; blocks as long as the reader does.
package final class LineOutput: Sendable {
  private let descriptor: Int32
  private let writing = Mutex(())

  package static let standardError = LineOutput(STDERR_FILENO)

  package init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  package func write(_ line: [UInt8]) {
    writing.withLock { _ in
      line.withUnsafeBytes { octets in
        var written = 0
        while written < octets.count {
          let count = Glibc.write(descriptor, octets.baseAddress! + written, octets.count - written)
          if count >= 0 {
            written += count
          } else if errno == EAGAIN {
            // Somebody who shares the descriptor made it nonblocking.
            var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&wanted, 1, -1)
          } else if errno != EINTR {
            return
          }
        }
      }
    }
  }
}
