// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Glibc
import NIOCore
import NIOPosix
import SMTP
import Synchronization
import Systemd
import TLS

/// Who listens where, and the pipeline of each connection that comes in.
///
/// A listener of `[listen.NAME]` uses the sockets that systemd hands over under its name; only where there are none it
/// binds what the configuration says. Channels come and go with the configuration, sockets stay as long as they are
/// wanted: no change of a listener's rules refuses a client.
package final class Listeners: Sendable {
  /// Whether a connection may become a session, and what that works with; the gateway decides.
  package typealias Admit = @Sendable (Configuration.Listener, IPAddress, any EventLoop) -> Admission

  package enum Admission {
    case session(SubmissionContext)
    case refused(Reply)
  }

  /// One socket, the listener that it serves now, and the channel that accepts on it.
  private struct Port {
    var listener: Configuration.Listener
    var place: Place
    var socket: ListeningSocket
    var channel: any Channel

    /// Ends accepting; gives the socket back too, unless it was inherited or one of `others` goes on with it.
    func close(sparing others: [Port] = []) {
      try? channel.close().wait()
      guard case .bound = place, !others.contains(where: { $0.socket === socket }) else { return }
      socket.close()
    }
  }

  /// What a socket is found by again.
  private enum Place: Hashable {
    /// Which one of those that were handed over under this name.
    case inherited(String, Int)
    case bound(String, port: Int)

    func isBound(to port: Int) -> Bool {
      if case .bound(_, port) = self { true } else { false }
    }
  }

  private let group: any EventLoopGroup
  private let admit: Admit
  private let inherited: [String: [ListeningSocket]]
  private let ports = Mutex<[Port]>([])

  init(group: any EventLoopGroup, inherited: [String: [ListeningSocket]], admit: @escaping Admit) {
    self.group = group
    self.inherited = inherited
    self.admit = admit
  }

  /// The sockets of the service manager by name, without those for the console. What cannot be used is told.
  static func adopt(
    _ sockets: InheritedSockets, besides others: Set<String>, log: EventLog
  ) throws -> [String: [ListeningSocket]] {
    var inherited: [String: [ListeningSocket]] = [:]
    for name in sockets.unusableNames {
      log.report(.socketUnserved(name: name, reason: "it is no listening stream socket"))
    }
    for name in sockets.names where !others.contains(name) {
      for descriptor in try sockets.take(name) {
        do throws(ListenError) {
          inherited[name, default: []].append(try .adopt(descriptor))
        } catch {
          log.report(.socketUnserved(name: name, reason: error.description))
        }
      }
    }
    return inherited
  }

  /// What is listened on now, as `submission 127.0.0.1:587`.
  package var descriptions: [String] {
    ports.withLock { $0.map { "\($0.listener.name) \($0.socket.text)" } }
  }

  /// Name and number of each port that is listened on, once.
  package var numbers: [(name: String, port: Int)] {
    var seen: Set<String> = []
    return ports.withLock { ports in
      ports.map { ($0.listener.name, $0.socket.address.port ?? 0) }.filter { seen.insert("\($0):\($1)").inserted }
    }
  }

  /// Sockets that were handed over and that no listener of this configuration has: clients would wait there for ever.
  func unserved(by configuration: Configuration) -> [String] {
    let served = Set(Self.listeners(of: configuration, inherited: Set(inherited.keys)).map(\.name))
    return inherited.keys.filter { !served.contains($0) }.sorted()
  }

  /// Listeners whose address or port changes in the file, and not in the world: their sockets are the service manager's.
  func unmoved(from old: Configuration, to new: Configuration) -> [String] {
    new.listeners.filter { listener in
      inherited[listener.name] != nil
        && old.listeners.contains {
          $0.name == listener.name && ($0.addresses, $0.port) != (listener.addresses, listener.port)
        }
    }.map(\.name)
  }

  /// Makes the ports those of the configuration: opens what is missing, then closes what is not wanted any more. If one
  /// cannot be opened, nothing changes. Blocks; never called on an event loop.
  package func open(_ configuration: Configuration) throws(ListenError) {
    let wanted = Self.listeners(of: configuration, inherited: Set(inherited.keys)).flatMap { listener in
      places(of: listener).map { (listener: listener, place: $0) }
    }
    let current = ports.withLock { $0 }
    // The system may refuse a new address while an old one holds the port: "*" beside 127.0.0.1.
    let (inTheWay, rest) = current.partitioned { old in
      guard case .bound(_, let port) = old.place, !wanted.contains(where: { $0.place == old.place }) else {
        return false
      }
      return wanted.contains { $0.place.isBound(to: port) }
    }
    for port in inTheWay { port.close() }
    var kept: [Port] = []
    var opened: [Port] = []
    do throws(ListenError) {
      for (listener, place) in wanted {
        if let old = rest.first(where: { $0.place == place }) {
          if old.listener.serves(like: listener) {
            kept.append(old)
          } else {
            opened.append(try open(place, old.socket, for: listener))
          }
        } else {
          opened.append(try open(place, try socket(at: place, for: listener), for: listener))
        }
      }
    } catch {
      for new in opened { new.close(sparing: rest) }
      let restored = inTheWay.compactMap { old in
        try? open(old.place, try socket(at: old.place, for: old.listener), for: old.listener)
      }
      ports.withLock { $0 = rest + restored }
      throw error
    }
    // A new channel accepts already where an old one closes.
    for old in rest where !kept.contains(where: { $0.place == old.place }) { old.close(sparing: opened) }
    ports.withLock { $0 = kept + opened }
  }

  /// No more connections. Those that were accepted become sessions first. Blocks.
  package func close() {
    let all = ports.withLock { ports in
      defer { ports = [] }
      return ports
    }
    for port in all { try? port.channel.setOption(.autoRead, value: false).wait() }
    // A connection on its way to another loop is there when that loop has answered.
    for loop in group.makeIterator() { try? loop.submit {}.wait() }
    for port in all { port.close() }
  }

  /// Those that the file names; where it names none, the standard ones, unless the service manager has opened only
  /// some of them.
  static func listeners(of configuration: Configuration, inherited: Set<String>) -> [Configuration.Listener] {
    guard !configuration.namesListeners else { return configuration.listeners }
    let opened = configuration.listeners.filter { inherited.contains($0.name) }
    return opened.isEmpty ? configuration.listeners : opened
  }

  private func places(of listener: Configuration.Listener) -> [Place] {
    if let sockets = inherited[listener.name] { return sockets.indices.map { .inherited(listener.name, $0) } }
    return Self.expand(listener.addresses).compactMap { address in
      // "*" on a host without IPv6 is IPv4.
      if address == "::", listener.addresses.contains("*"), !Self.hasIPv6 { return nil }
      return .bound(address, port: listener.port)
    }
  }

  /// "*" is every address of both families, in two sockets, so that neither depends on a setting of the kernel.
  private static func expand(_ addresses: [String]) -> [String] {
    addresses.flatMap { $0 == "*" ? ["0.0.0.0", "::"] : [$0] }
  }

  private static let hasIPv6: Bool = {
    let descriptor = Glibc.socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    _ = Glibc.close(descriptor)
    return true
  }()

  private func socket(at place: Place, for listener: Configuration.Listener) throws(ListenError) -> ListeningSocket {
    switch place {
    case .inherited(let name, let index): return inherited[name]![index]
    case .bound(let address, let port):
      do throws(ListenError) {
        return try ListeningSocket.bind(address, port: port)
      } catch {
        let text = "cannot listen on \(address) port \(port) for [listen.\(listener.name)]: \(error)"
        guard error.isForbidden else { throw ListenError(text, isLasting: error.isLasting) }
        throw ListenError("\(text); let systemd open it: \(Self.remedy(listener))")
      }
    }
  }

  private static func remedy(_ listener: Configuration.Listener) -> String {
    Configuration.Listener.standard.contains { $0.name == listener.name }
      ? "systemctl enable --now postern-\(listener.name).socket, then restart postern"
      : "a copy of postern-submission.socket with FileDescriptorName=\(listener.name)"
  }

  private func open(
    _ place: Place, _ socket: ListeningSocket, for listener: Configuration.Listener
  ) throws(ListenError) -> Port {
    let admit = admit
    let descriptor = try socket.duplicate()
    do {
      let channel = try ServerBootstrap(group: group)
        .restsWhenTableIsFull()
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.socketOption(.so_keepalive), value: 1)
        // The session reads when it wants input, one buffer at a time.
        .childChannelOption(.autoRead, value: false)
        .childChannelOption(.maxMessagesPerRead, value: 1)
        // Thousands of sessions: what each may hold of what came, and of what its client does not read.
        .childChannelOption(.recvAllocator, value: SessionReads.usual)
        .childChannelOption(.writeBufferWaterMark, value: .init(low: 2_048, high: 8_192))
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            guard let address = channel.remoteAddress?.ipAddress.flatMap(IPAddress.init) else {
              throw ChannelError.operationUnsupported
            }
            try Self.configure(channel, admit(listener, address, channel.eventLoop), listener)
          }
        }
        .withBoundSocket(descriptor).wait()
      try socket.setBacklog()
      return Port(listener: listener, place: place, socket: socket, channel: channel)
    } catch {
      throw ListenError("cannot accept connections on \(socket.text) for [listen.\(listener.name)]: \(error)")
    }
  }

  private static func configure(
    _ channel: any Channel, _ admission: Admission, _ listener: Configuration.Listener
  ) throws {
    let pipeline = channel.pipeline.syncOperations
    switch admission {
    case .session(let context):
      if listener.security == .implicit {
        // Between two configurations there may be a port without its certificate: it serves nobody.
        guard let tls = context.settings.serverTLS(for: context.address) else {
          context.left()
          throw ChannelError.operationUnsupported
        }
        try pipeline.addHandler(TLSHandler(context: tls, side: .server))
      }
      try pipeline.addHandler(SubmissionHandler(context))
    case .refused(let reply):
      // Under implicit TLS no handshake is spent on a reply.
      try pipeline.addHandler(RefusalHandler(listener.security == .implicit ? nil : reply))
    }
  }
}

extension Configuration.Listener {
  /// Whether a connection means the same to both.
  fileprivate func serves(like other: Self) -> Bool {
    var moved = other
    moved.addresses = addresses
    moved.port = port
    return self == moved
  }
}

extension Array {
  fileprivate func partitioned(_ belongsToFirst: (Element) -> Bool) -> ([Element], [Element]) {
    (filter(belongsToFirst), filter { !belongsToFirst($0) })
  }
}

/// A connection that is one too many: it gets its reply and goes.
private final class RefusalHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let reply: Reply?

  init(_ reply: Reply?) {
    self.reply = reply
  }

  func channelActive(context: ChannelHandlerContext) {
    guard let reply else { return context.close(promise: nil) }
    var text = ByteBuffer()
    text.write(reply)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(text)).whenComplete { _ in bound.value.close(promise: nil) }
  }
}
