// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Whether what we write on standard error ends in the journal (systemd.exec(5), `$JOURNAL_STREAM`).
///
/// The variable alone proves nothing: it is inherited by programs whose standard error has been sent elsewhere.
package enum JournalStream {
  /// Where the journal takes entries with fields; fixed in libsystemd.
  package static let socketPath = "/run/systemd/journal/socket"

  /// Standard error of this process is the journal's, and the journal takes entries with fields.
  package static var isStandardError: Bool {
    var status = stat()
    guard fstat(STDERR_FILENO, &status) == 0 else { return false }
    let variable = getenv("JOURNAL_STREAM").map { String(cString: $0) }
    return names(variable, device: status.st_dev, inode: status.st_ino) && access(socketPath, F_OK) == 0
  }

  /// `variable` is DEVICE:INODE in decimal.
  package static func names(_ variable: String?, device: UInt, inode: UInt) -> Bool {
    guard let parts = variable?.split(separator: ":", omittingEmptySubsequences: false), parts.count == 2 else {
      return false
    }
    return UInt(parts[0]) == device && UInt(parts[1]) == inode
  }
}
