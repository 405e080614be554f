// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// The control sockets, one a level: binds or inherits them, gives each connection its handler, and takes all of it away
/// at the end. It decides nothing.
package final class AdminListener: Sendable {
  private let service: AdminService
  private let entrances: [Entrance]
  /// Levels that cannot be had, where others were inherited.
  package let problems: [ControlSocketError]

  /// Listens on the sockets that were inherited, and on those of `directory` for the levels that were not; not to be
  /// called on an event loop. The group should be one of its own: looking into messages reads the disk. `now` is wall
  /// time in milliseconds; `audit` is called for every command that changes something, and for everyone who was turned
  /// away.
  package static func open(
    directory: String, inherited: [Command.Level: [Int32]] = [:], group: any EventLoopGroup,
    administration: any Administration, now: @escaping @Sendable () -> Int64, audit: @escaping AdminAction.Report
  ) throws -> AdminListener {
    var entrances: [Entrance] = []
    var problems: [ControlSocketError] = []
    let service = AdminService(administration: administration, now: now, audit: audit)
    do {
      for level in Command.Level.strongestFirst {
        var sockets = (inherited[level] ?? []).map { ControlSocket.inherited($0, level: level) }
        if sockets.isEmpty {
          do throws(ControlSocketError) {
            sockets = [try ControlSocket.bind(directory: directory, level: level)]
          } catch {
            // The service manager has opened what it was told to; in its directory we may have no right to more.
            guard !inherited.isEmpty else { throw error }
            problems.append(error)
          }
        }
        for socket in sockets { entrances.append(try Entrance(socket, service: service, group: group)) }
      }
    } catch {
      for entrance in entrances { try? entrance.close().wait() }
      throw error
    }
    return AdminListener(service: service, entrances: entrances, problems: problems)
  }

  private init(service: AdminService, entrances: [Entrance], problems: [ControlSocketError]) {
    self.service = service
    self.entrances = entrances
    self.problems = problems
  }

  /// From here on nothing is changed; what is read is answered until `stop`.
  package func stopChanges() { service.stopChanges() }

  /// Removes the files first, so that nobody finds a socket that will not answer; then ends every connection.
  package func stop() -> EventLoopFuture<Void> {
    let closed = entrances.map { $0.close() }
    return EventLoopFuture.andAllComplete(closed, on: closed[0].eventLoop)
  }
}

/// One socket that is listened on, with its connections.
private struct Entrance: Sendable {
  private let socket: ControlSocket
  private let channel: any Channel
  private let sessions = AdminSessions()

  /// Owns the socket from here on.
  init(_ socket: ControlSocket, service: AdminService, group: any EventLoopGroup) throws {
    self.socket = socket
    let (door, sessions) = (socket.door, sessions)
    do {
      channel = try ServerBootstrap(group: group)
        .restsWhenTableIsFull()
        .childChannelOption(.allowRemoteHalfClosure, value: true)
        .childChannelOption(.writeBufferWaterMark, value: AdminLimits.waitingOctets)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
              AdminHandler(service: service, door: door, isWelcome: sessions.add(channel)))
          }
        }
        .withBoundSocket(socket.descriptor).wait()
    } catch {
      socket.remove()
      throw error
    }
  }

  func close() -> EventLoopFuture<Void> {
    socket.remove()
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
