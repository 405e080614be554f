// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc
import NIOCore

/// Who is at the other end of a Unix socket, as the kernel saw it when they connected (unix(7), SO_PEERCRED and
/// SO_PEERGROUPS): the groups are those of the process, not of the user's entry somewhere.
struct PeerCredentials: Sendable, Equatable {
  var pid: pid_t
  var uid: uid_t
  var gid: gid_t
  /// The supplementary ones.
  var groups: [gid_t] = []

  /// On the channel's event loop.
  static func read(from channel: any Channel) throws -> PeerCredentials {
    let peer = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
      try read(descriptor: $0)
    }
    guard let peer else { throw ChannelError.operationUnsupported }
    return peer
  }

  private static func read(descriptor: Int32) throws -> PeerCredentials {
    // The layout of `struct ucred`, which Glibc shows to C only under _GNU_SOURCE.
    var user: (pid: pid_t, uid: uid_t, gid: gid_t) = (0, 0, 0)
    var size = socklen_t(MemoryLayout.size(ofValue: user))
    guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &user, &size) == 0 else {
      throw SystemCallError(errno: errno)
    }
    return PeerCredentials(pid: user.pid, uid: user.uid, gid: user.gid, groups: try groups(descriptor))
  }

  private static func groups(_ descriptor: Int32) throws -> [gid_t] {
    var groups = [gid_t](repeating: 0, count: 32)
    while true {
      var size = socklen_t(groups.count * MemoryLayout<gid_t>.size)
      if getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, &groups, &size) == 0 {
        return Array(groups.prefix(Int(size) / MemoryLayout<gid_t>.size))
      }
      // Too small: the kernel has said how much it takes.
      let count = Int(size) / MemoryLayout<gid_t>.size
      guard errno == ERANGE, count > groups.count else { throw SystemCallError(errno: errno) }
      groups = [gid_t](repeating: 0, count: count)
    }
  }

  func isMember(of group: gid_t) -> Bool { gid == group || groups.contains(group) }

  /// As the log and holds name them.
  var userName: String {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 4096)
    guard getpwuid_r(uid, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name else {
      return "uid \(uid)"
    }
    return TerminalText.escaped(String(cString: name))
  }
}
