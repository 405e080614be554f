// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// Who is connected, and what they may do. Made once for a connection, from what the kernel says.
struct AdminPeer: Sendable, Equatable {
  var uid: uid_t
  var pid: pid_t
  /// As holds and the log name them.
  var user: String
  var level: Command.Level

  init(_ credentials: PeerCredentials, level: Command.Level) {
    uid = credentials.uid
    pid = credentials.pid
    user = credentials.userName
    self.level = level
  }
}

/// What the log keeps of a command that changes something, and of everyone who was turned away. It is free of controls
/// and of secrets.
package struct AdminAction: Sendable, Equatable {
  package typealias Report = @Sendable (AdminAction) -> Void

  package var uid: UInt32
  package var user: String
  package var pid: Int32
  /// As somebody would type it.
  package var command: String
  package var reason: String?
  /// Messages that were meant, and those that were changed; nil for commands about something else.
  package var matched: Int?
  package var changed: Int?
  /// How it ended, in words: `done`, `refused: …`.
  package var outcome: String

  init(_ peer: AdminPeer, command: String, outcome: String) {
    uid = peer.uid
    user = peer.user
    pid = peer.pid
    self.command = command
    self.outcome = outcome
  }

  /// What was asked came over the socket: it must not end the log line, or be a line of its own.
  init(_ peer: AdminPeer, _ request: AdminRequest, outcome: String) {
    let typed = TerminalText.escaped(request.typed)
    self.init(peer, command: String(typed.prefix(AdminLimits.auditCharactersMax)), outcome: outcome)
    reason = request.args.reason.map(TerminalText.escaped)
  }

  package var description: String {
    let count = matched.map { ": \($0) matched, \(changed ?? 0) changed" } ?? ""
    return "\(user) (uid \(uid), pid \(pid)) ran \(command): \(outcome)\(count)"
  }
}
