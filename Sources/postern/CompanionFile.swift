// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Glibc

/// A small file that the daemon keeps beside a queue on disk. Root reads it where the queue belongs to somebody else, who
/// must not have other files read by it: so it is a regular file and no link, or it is refused.
struct CompanionFile {
  /// What went wrong, as `errno`.
  struct Failure: Error {
    let code: Int32
    var reason: String { String(cString: strerror(code)) }
  }

  /// As the daemon reads them; what is larger was not written by it.
  private static let octetsMax = 1 << 20

  let path: String

  init(_ name: String, in directory: String) {
    path = "\(directory)/\(name)"
  }

  /// nil: there is none.
  func read() throws(Failure) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
    guard file >= 0 else {
      // Of a directory that is not there, whoever reads the queue says so.
      guard errno == ENOENT || errno == ENOTDIR else { throw Failure(code: errno) }
      return nil
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw Failure(code: EINVAL) }
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while octets.count <= Self.octetsMax {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Failure(code: errno) }
      if count == 0 { return octets }
      octets += buffer[..<count]
    }
    throw Failure(code: EFBIG)
  }

  func write(_ octets: [UInt8], mode: mode_t) throws(FileReplacement.Failure) {
    try FileReplacement(of: path, mode: mode, followsLinks: false).commit(octets)
  }
}
