// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// The control socket: binds it, gives each connection its handler, and takes both away at the end. It decides nothing.
package final class AdminListener: Sendable {
  /// Called for every command that changes something, and for everyone who was turned away.
  package typealias Audit = @Sendable (_ uid: uid_t, _ pid: pid_t, _ command: String, _ result: String) -> Void

  package let path: String
  private let channel: any Channel
  private let sessions: AdminSessions

  /// Binds `admin.sock` in `directory` and listens; not to be called on an event loop. The group should be one of its
  /// own: looking into messages reads the disk. `now` is wall time in milliseconds.
  package static func open(
    directory: String, group: any EventLoopGroup, administration: any Administration,
    now: @escaping @Sendable () -> Int64, audit: @escaping Audit
  ) throws -> AdminListener {
    let (descriptor, path) = try ControlSocket.bind(directory: directory, name: "admin.sock")
    let sessions = AdminSessions()
    let service = AdminService(administration: administration, now: now, audit: audit)
    do {
      let channel = try ServerBootstrap(group: group)
        .childChannelOption(.allowRemoteHalfClosure, value: true)
        .childChannelOption(.writeBufferWaterMark, value: AdminLimits.waitingOctets)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
              AdminHandler(service: service, isWelcome: sessions.add(channel)))
          }
        }
        .withBoundSocket(descriptor).wait()
      return AdminListener(path: path, channel: channel, sessions: sessions)
    } catch {
      unlink(path)
      throw error
    }
  }

  private init(path: String, channel: any Channel, sessions: AdminSessions) {
    self.path = path
    self.channel = channel
    self.sessions = sessions
  }

  /// Removes the file first, so that nobody finds a socket that will not answer; then ends every connection.
  package func stop() -> EventLoopFuture<Void> {
    unlink(path)
    let closed = channel.close().flatMapError { [eventLoop = channel.eventLoop] error in
      error as? ChannelError == .alreadyClosed
        ? eventLoop.makeSucceededVoidFuture() : eventLoop.makeFailedFuture(error)
    }
    return closed.map { [sessions] in sessions.closeAll() }
  }
}

/// The connections that are open: counted, so that they stay few, and known, so that they can be ended.
private final class AdminSessions: Sendable {
  private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

  /// False if there are too many; the connection is still known until it closes.
  func add(_ channel: any Channel) -> Bool {
    let key = ObjectIdentifier(channel)
    channel.closeFuture.whenComplete { [self] _ in
      _ = channels.withLock { $0.removeValue(forKey: key) }
    }
    return channels.withLock {
      $0[key] = channel
      return $0.count <= AdminLimits.sessionsMax
    }
  }

  func closeAll() {
    for channel in channels.withLock({ Array($0.values) }) { channel.close(promise: nil) }
  }
}
