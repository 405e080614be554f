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
      return AdminError(
        "daemon.permission", message, context: ["you are '\(Self.user(geteuid()))'; \(access)"],
        hint: "sudo postern \(command)", exit: .noPermission)
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

  /// Who may, as far as the file tells: in a closed directory even its owner is hidden.
  private var access: String {
    var facts = stat()
    guard lstat(path, &facts) == 0 else { return "root and the user of the gateway may" }
    if facts.st_uid == 0 { return "the socket is open to root" }
    return "the socket is open to '\(Self.user(facts.st_uid))' and root"
  }

  private static func user(_ uid: uid_t) -> String {
    guard let entry = getpwuid(uid), let name = entry.pointee.pw_name else { return "uid \(uid)" }
    return TerminalText.escaped(String(cString: name))
  }
}
