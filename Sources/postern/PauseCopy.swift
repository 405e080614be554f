// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import Glibc

/// The file `pauses` beside a queue on disk, taken along to another directory by `spool repair`: what somebody has paused
/// must not begin to flow because the queue was repaired. Its octets are copied as they are, whatever they say: the daemon
/// judges them. Read before anything is made, written when the mail is there.
struct PauseCopy {
  private static let name = "pauses"
  /// As the daemon reads it; what is larger was not written by it.
  private static let octetsMax = 1 << 20

  /// nil: nothing is paused.
  private let octets: [UInt8]?

  init(from directory: String) throws(AdminError) {
    let path = "\(directory)/\(Self.name)"
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
    guard file >= 0 else {
      // Of a directory that is not there, the repair says so.
      guard errno == ENOENT || errno == ENOTDIR else { throw Self.refused(path, errno) }
      octets = nil
      return
    }
    defer { close(file) }
    // Root repairs what belongs to somebody else, who must not have other files read by it.
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw Self.refused(path, EINVAL) }
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while octets.count <= Self.octetsMax {
      let count = read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.refused(path, errno) }
      if count == 0 { break }
      octets += buffer[..<count]
    }
    guard octets.count <= Self.octetsMax else { throw Self.refused(path, EFBIG) }
    self.octets = octets
  }

  func write(to directory: String) throws(AdminError) {
    guard let octets else { return }
    let path = "\(directory)/\(Self.name)"
    do {
      try FileReplacement(of: path, mode: 0o600, followsLinks: false).commit(octets)
    } catch {
      throw AdminError(
        "spool.pauses", "cannot write \(path): \(error)",
        context: ["all mail is in the new queue, but not what is paused: without it everything would be sent"],
        hint: "remove \(directory), and try again", exit: .dataError)
    }
  }

  private static func refused(_ path: String, _ code: Int32) -> AdminError {
    let isDenied = code == EACCES || code == EPERM
    return AdminError(
      isDenied ? "spool.permission" : "spool.pauses", "cannot read \(path): \(String(cString: strerror(code)))",
      context: ["it says what is paused, and nothing was made without it"],
      hint: isDenied ? "repair as root" : "move it away if what was paused may flow",
      exit: isDenied ? .noPermission : .dataError)
  }
}
