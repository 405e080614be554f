// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The file that lines are being added to. Belongs to the writer's thread. Nothing is synced: who loses power loses a
/// few lines of memory, and no mail.
final class HistoryFile {
  let file: HistoryDirectory.File
  private let path: String
  private let descriptor: Int32
  private(set) var octets: Int
  /// The last line has no end: a crash or a full disk cut it.
  private var isTorn: Bool

  init(_ file: HistoryDirectory.File, in directory: HistoryDirectory) throws(HistoryError) {
    self.file = file
    let path = directory.path(of: file)
    self.path = path
    let opened = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
    guard opened >= 0 else { throw HistoryError("open \(path)", errno) }
    descriptor = opened
    octets = max(0, Int(lseek(opened, 0, SEEK_END)))
    var last: UInt8 = 0
    isTorn = octets > 0 && (pread(opened, &last, 1, off_t(octets - 1)) != 1 || last != UInt8(ascii: "\n"))
  }

  deinit { close(descriptor) }

  /// Whole lines, all or as many octets as the disk took; what was cut is ended by the next call.
  func append(_ lines: [UInt8]) throws(HistoryError) {
    var rest = (isTorn ? [UInt8(ascii: "\n")] + lines : lines)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress!, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let code = count == 0 ? ENOSPC : errno
        throw HistoryError("write \(path)", code)
      }
      octets += count
      isTorn = rest[rest.startIndex + count - 1] != UInt8(ascii: "\n")
      rest = rest.dropFirst(count)
    }
  }
}
