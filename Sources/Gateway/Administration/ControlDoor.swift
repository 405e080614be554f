// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// One way in: a level, and who may come through. The mode of the socket's file has decided already; this decides once
/// more, for where the file was changed by hand.
struct ControlDoor: Sendable, Equatable {
  let level: Command.Level
  /// Of the socket's file; nil if nobody has the level by a group.
  let group: gid_t?
  /// Whose process this is.
  private let owner: uid_t

  init(level: Command.Level, group: gid_t?, owner: uid_t = geteuid()) {
    self.level = level
    self.group = level.groupName == nil ? nil : group
    self.owner = owner
  }

  func admits(_ peer: PeerCredentials) -> Bool {
    peer.uid == 0 || peer.uid == owner || group.map(peer.isMember) ?? false
  }

  var refusal: AdminError {
    AdminError(
      "daemon.permission", "this socket is not open to you", context: [Command.Level.access], exit: .noPermission)
  }
}
