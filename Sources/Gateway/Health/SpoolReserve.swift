// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CSupport
import Glibc

/// Room that is kept for the log, and given up to it when there is no other. Asking may wait for the disk.
package protocol SpaceReserve: Sendable {
  var octets: Int64 { get }
  var exists: Bool { get }
  /// Best effort. False where nothing can ever be reserved.
  func make() -> Bool
  func giveUp()
}

/// A file of the size of a segment that holds nothing: when the disk is full it goes, so that the log can write down what
/// became of mail, which makes room. It comes back when there is room again. Only `SpaceWatch` uses it, on a thread that
/// may wait for the disk.
struct SpoolReserve: SpaceReserve {
  static let name = "reserve"

  private let path: String
  let octets: Int64
  /// fallocate(2): 0, or an errno value.
  private let allocate: @Sendable (CInt, off_t) -> CInt

  init(
    directory: String, octets: Int64,
    allocate: @escaping @Sendable (CInt, off_t) -> CInt = { csupport_allocate($0, $1) }
  ) {
    path = directory + "/" + Self.name
    self.octets = octets
    self.allocate = allocate
  }

  /// Whether it is there with all its octets: one whose making was cut short is made again.
  var exists: Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_size >= octets
  }

  /// As on some file systems nothing can be reserved: there is no file then.
  func make() -> Bool {
    let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return true }
    defer { close(file) }
    let code = allocate(file, off_t(octets))
    if code != 0 { unlink(path) }
    return code != EOPNOTSUPP && code != ENOSYS
  }

  func giveUp() {
    unlink(path)
  }
}
