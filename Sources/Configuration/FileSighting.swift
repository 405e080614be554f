// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What a file looked like from outside. Two that are equal are of the same content: whoever writes a file changes one of
/// these, and whoever puts another one in its place changes which one it is.
package struct FileSighting: Sendable, Equatable {
  private struct Marks: Sendable, Equatable {
    var device: UInt64
    var number: UInt64
    var octets: Int64
    var written: [Int]
    var changed: [Int]
  }

  package let path: String
  /// nil: it cannot be seen.
  private let marks: Marks?

  package var isThere: Bool { marks != nil }

  /// Looks at a file, and waits for the disk if it must.
  package init(of path: String) {
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0 else {
      marks = nil
      return
    }
    marks = Marks(
      device: UInt64(status.st_dev), number: UInt64(status.st_ino), octets: Int64(status.st_size),
      written: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec],
      changed: [status.st_ctim.tv_sec, status.st_ctim.tv_nsec])
  }
}
