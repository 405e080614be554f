// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Says why the daemon could not be reached, and what the person at the terminal can do about it.
struct Unreachable {
  let path: String
  /// As typed behind `postern`.
  let command: String

  func error(_ cause: SystemCallError) -> AdminError {
    let message = "cannot reach posternd: \(path): \(cause)"
    switch cause.errno {
    case EACCES, EPERM:
      let access = ControlAccess(directory: directory)
      return AdminError(
        "daemon.permission", message, context: [access.sentence], hint: access.hint(command: command, level: .view),
        exit: .noPermission)
    case ENOENT, ENOTDIR:
      return AdminError(
        "daemon.not_running", message,
        context: ["it is not running, or it was started with another [control] directory"],
        hint: "systemctl status postern", exit: .unavailable)
    case ECONNREFUSED:
      return AdminError(
        "daemon.not_running", message, context: ["it has ended without removing its socket"],
        hint: "systemctl status postern", exit: .unavailable)
    case EAGAIN:
      return AdminError(
        "daemon.busy", message, context: ["too many others are connecting to it"], hint: "postern \(command)",
        exit: .temporary)
    default:
      return AdminError("daemon.unreachable", message, exit: .unavailable)
    }
  }

  private var directory: String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "." }
}
