// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc
import NIOCore

/// Who is at the other end of a Unix socket, as the kernel saw it when they connected (unix(7), SO_PEERCRED). The layout
/// is that of `struct ucred`, which Glibc shows to C only under _GNU_SOURCE.
struct PeerCredentials: Sendable, Equatable {
  var pid: pid_t
  var uid: uid_t
  var gid: gid_t

  static func read(from channel: any Channel) -> EventLoopFuture<PeerCredentials> {
    guard let options = channel as? any SocketOptionProvider else {
      return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }
    return options.unsafeGetSocketOption(level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
  }

  /// The file's mode has decided already; this holds where it was changed by hand.
  var mayAdminister: Bool { uid == 0 || uid == geteuid() }
}
