// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Who may do what through the control sockets of a directory, as their files tell; for errors about permissions.
struct ControlAccess {
  let directory: String

  static func path(of level: Command.Level, in directory: String) -> String { "\(directory)/\(level.rawValue).sock" }

  /// `you are 'bob'; reading the queue needs group 'adm', changing it needs group 'postern-operate', …`.
  var sentence: String {
    let needs = Command.Level.allCases.compactMap { level in
      who(level).map { "\(Self.deed(level)) needs \($0)" }
    }
    // In a closed directory even the owners of the sockets are hidden.
    let access = needs.isEmpty ? "root and the user of the gateway may" : needs.joined(separator: ", ")
    return "you are '\(Self.userName(geteuid()))'; \(access)"
  }

  /// What to type: as root once, or for good where a group gives the level.
  func hint(command: String, level: Command.Level) -> String {
    let once = command.isEmpty ? "sudo postern" : "sudo postern \(command)"
    guard let group = group(level) else { return once }
    return "\(once)   or for good: sudo usermod -aG \(group) \(Self.userName(geteuid())) (then log in again)"
  }

  private static func deed(_ level: Command.Level) -> String {
    switch level {
    case .view: "reading the queue"
    case .operate: "changing it"
    case .admin: "everything"
    }
  }

  private func who(_ level: Command.Level) -> String? {
    if let group = group(level) { return "group '\(group)'" }
    guard let facts = facts(level) else { return nil }
    return facts.st_uid == 0 ? "root" : "user '\(Self.userName(facts.st_uid))' or root"
  }

  /// nil if the socket is open to no group, or to root's.
  private func group(_ level: Command.Level) -> String? {
    let open = mode_t(S_IRGRP | S_IWGRP)
    guard let facts = facts(level), facts.st_mode & open == open, facts.st_gid != 0 else { return nil }
    guard let entry = getgrgid(facts.st_gid), let name = entry.pointee.gr_name else { return "\(facts.st_gid)" }
    return TerminalText.escaped(String(cString: name))
  }

  private func facts(_ level: Command.Level) -> stat? {
    var facts = stat()
    return lstat(Self.path(of: level, in: directory), &facts) == 0 ? facts : nil
  }

  private static func userName(_ uid: uid_t) -> String {
    guard let entry = getpwuid(uid), let name = entry.pointee.pw_name else { return "uid \(uid)" }
    return TerminalText.escaped(String(cString: name))
  }
}
