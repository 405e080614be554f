// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Whether the queue may lie in a directory; looked at before anything is opened there, so that an admin reads one
/// sentence that says what to do. That nobody else has it, the lock finds out.
enum SpoolPlace {
  struct Refusal: Error, CustomStringConvertible {
    let description: String
  }

  /// A directory that is not there yet is nobody's fault: it will be made.
  static func check(_ path: String, user: uid_t = geteuid()) throws(Refusal) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw refusal(path, String(cString: strerror(errno)), "let the user of the daemon enter the directories above it")
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: break
    case S_IFLNK:
      throw refusal(
        path, "it is a symbolic link, which somebody may turn elsewhere while mail is there",
        "set queue.directory to the directory itself")
    default: throw refusal(path, "it is not a directory", "set queue.directory to one")
    }
    guard status.st_uid == user else {
      throw refusal(
        path, "it belongs to uid \(status.st_uid) and the daemon runs as uid \(user)", "chown \(user) \(path)")
    }
    guard status.st_mode & 0o022 == 0 else {
      let mode = String(status.st_mode & 0o7777, radix: 8)
      throw refusal(path, "others may write there (mode \(mode))", "chmod 700 \(path)")
    }
    guard faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) == 0 else {
      throw errno == EROFS
        ? refusal(path, "its file system is mounted read-only", "look at the kernel's log, and mount it read-write")
        : refusal(path, String(cString: strerror(errno)), "chmod 700 \(path)")
    }
  }

  /// The daemon that had it last left its number behind: it was killed, the machine went down, or the disk did not take
  /// the last outcomes.
  static func wasLeftBehind(_ path: String) -> Bool {
    var status = stat()
    return stat(path + "/" + pidName, &status) == 0 && status.st_size > 0
  }

  /// Called when nothing is written any more, with the lock still held.
  static func leave(_ path: String) {
    unlink(path + "/" + pidName)
  }

  /// Of the file that `PosixDisk.lock` writes.
  private static let pidName = "pid"

  private static func refusal(_ path: String, _ reason: String, _ remedy: String) -> Refusal {
    Refusal(description: "cannot keep mail in \(path): \(reason); \(remedy)")
  }
}
