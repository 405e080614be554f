// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CSupport
import Glibc

/// A file of the size of a segment that holds nothing: when the disk is full it goes, so that the log can write down what
/// became of mail, which makes room. It comes back when there is room again. Only `SpaceWatch` uses it, on a thread that
/// may wait for the disk.
struct SpoolReserve {
  static let name = "reserve"

  private let path: String
  let octets: Int64

  init(directory: String, octets: Int64) {
    path = directory + "/" + Self.name
    self.octets = octets
  }

  /// Whether it is there with all its octets: one whose making was cut short is made again.
  var exists: Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_size >= octets
  }

  /// Best effort. False where nothing can ever be reserved, as on some file systems: there is no file.
  func make() -> Bool {
    let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return true }
    defer { close(file) }
    let code = csupport_allocate(file, off_t(octets))
    if code != 0 { unlink(path) }
    return code != EOPNOTSUPP && code != ENOSYS
  }

  func giveUp() {
    unlink(path)
  }
}
