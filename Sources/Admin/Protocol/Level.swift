// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A level is a socket: whoever may open its file has it. Files and groups are named here for both sides.
extension Command.Level {
  /// In `[control] directory`.
  package var socketName: String { rawValue + ".sock" }

  /// Its members may open the socket, besides root and the user of the gateway.
  package var groupName: String? {
    switch self {
    case .view: "adm"
    case .operate: "postern-operate"
    case .admin: nil
    }
  }

  /// The order in which a client tries them.
  package static var strongestFirst: [Command.Level] { allCases.reversed() }

  /// Who gets what, for somebody who got less.
  package static let access =
    "reading the queue needs group 'adm', changing it needs group 'postern-operate', everything needs root"
}

extension AdminError {
  /// A command that needs more than this connection has. `typed` is the command with its arguments, for the hint.
  package static func level(
    _ command: Command, needs needed: Command.Level? = nil, has level: Command.Level, typed: String
  ) -> AdminError {
    let needed = needed ?? command.level
    let remedy =
      needed.groupName.map { "group '\($0)' (sudo usermod -aG \($0) NAME) or root has it" } ?? "only root has it"
    return AdminError(
      "daemon.level",
      "'\(command.name.rawValue)' needs level \(needed.rawValue), this connection has \(level.rawValue)",
      context: [remedy], hint: "sudo postern \(typed)", exit: .noPermission)
  }
}
