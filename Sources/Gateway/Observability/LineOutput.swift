// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Writes whole lines to a descriptor, one after the other: a pipe takes no more than 4 KiB at once, and lines of two
/// threads must not mix. Called from every thread; blocks as long as the reader does.
package final class LineOutput: Sendable {
  private struct Lines {
    var octets: [UInt8] = []
    /// That were not released yet.
    var holds = 0
  }

  private static let heldOctetsMax = 32_768

  private let descriptor: Int32
  private let lines = Mutex(Lines())

  package static let standardError = LineOutput(STDERR_FILENO)

  package init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  package func write(_ line: [UInt8]) {
    lines.withLock { lines in
      lines.octets += line
      if lines.holds == 0 || lines.octets.count >= Self.heldOctetsMax { put(&lines.octets) }
    }
  }

  /// What is written from here on, by whomever, waits for `release`: it goes out in one call of the system, not one a
  /// line.
  package func hold() {
    lines.withLock { $0.holds += 1 }
  }

  /// Once for each `hold`.
  package func release() {
    lines.withLock { lines in
      lines.holds -= 1
      if lines.holds == 0 { put(&lines.octets) }
    }
  }

  private func put(_ lines: inout [UInt8]) {
    lines.withUnsafeBytes { octets in
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
          break
        }
      }
    }
    lines.removeAll(keepingCapacity: true)
  }
}
