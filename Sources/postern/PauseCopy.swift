// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// The file `pauses` beside a queue on disk, taken along to another directory by `spool repair`: what somebody has paused
/// must not begin to flow because the queue was repaired. Its octets are copied as they are, whatever they say: the daemon
/// judges them. Read before anything is made, written when the mail is there.
struct PauseCopy {
  private static let name = "pauses"

  /// nil: nothing is paused.
  private let octets: [UInt8]?

  init(from directory: String) throws(AdminError) {
    let file = CompanionFile(Self.name, in: directory)
    do {
      octets = try file.read()
    } catch {
      throw Self.refused(file.path, error)
    }
  }

  func write(to directory: String) throws(AdminError) {
    guard let octets else { return }
    let file = CompanionFile(Self.name, in: directory)
    do {
      try file.write(octets, mode: 0o600)
    } catch {
      throw AdminError(
        "spool.pauses", "cannot write \(file.path): \(error)",
        context: ["all mail is in the new queue, but not what is paused: without it everything would be sent"],
        hint: "remove \(directory), and try again", exit: .dataError)
    }
  }

  private static func refused(_ path: String, _ failure: CompanionFile.Failure) -> AdminError {
    let isDenied = failure.code == EACCES || failure.code == EPERM
    return AdminError(
      isDenied ? "spool.permission" : "spool.pauses", "cannot read \(path): \(failure.reason)",
      context: ["it says what is paused, and nothing was made without it"],
      hint: isDenied ? "repair as root" : "move it away if what was paused may flow",
      exit: isDenied ? .noPermission : .dataError)
  }
}
