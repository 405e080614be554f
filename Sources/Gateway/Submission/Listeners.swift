// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Glibc
import NIOCore
import NIOPosix
import SMTP
import Synchronization
import TLS

/// Why a port cannot be listened on.
package struct ListenError: Error, Sendable, CustomStringConvertible {
  package let description: String
}

/// The ports of `[listen.NAME]`, and the pipeline of each connection that comes in.
package final class Listeners: Sendable {
  /// Whether a connection may become a session, and what that works with; the gateway decides.
  package typealias Admit = @Sendable (Configuration.Listener, IPAddress, any EventLoop) -> Admission

  package enum Admission {
    case session(SubmissionContext)
    case refused(Reply)
  }

  /// One socket: what it was opened for, and its channel.
  private struct Socket {
    var listener: Configuration.Listener
    var address: String
    var channel: any Channel
  }

  private let group: any EventLoopGroup
  private let admit: Admit
  private let sockets = Mutex<[Socket]>([])

  package init(group: any EventLoopGroup, admit: @escaping Admit) {
    self.group = group
    self.admit = admit
  }

  /// What is listened on now, as `submission 127.0.0.1:587`.
  package var descriptions: [String] {
    sockets.withLock { sockets in
      sockets.map { "\($0.listener.name) \($0.channel.localAddress.map(Self.text) ?? $0.address)" }
    }
  }

  /// Makes the sockets those of `listeners`: opens what is missing, then closes what is not named any more. If one
  /// cannot be opened, nothing changes. Blocks; never called on an event loop.
  package func open(_ listeners: [Configuration.Listener]) throws(ListenError) {
    var wanted: [(listener: Configuration.Listener, address: String)] = []
    for listener in listeners {
      for address in Self.expand(listener.addresses) {
        // "*" on a host without IPv6 is IPv4.
        if address == "::", listener.addresses.contains("*"), !Self.hasIPv6 { continue }
        wanted.append((listener, address))
      }
    }
    let current = sockets.withLock { $0 }
    let kept = current.filter { socket in
      wanted.contains { $0.listener == socket.listener && $0.address == socket.address }
    }
    // A port whose rules change keeps its socket closed for no longer than it takes to open it again.
    let replaced = current.filter { socket in
      !kept.contains { $0.channel === socket.channel }
        && wanted.contains { $0.listener.port == socket.listener.port }
    }
    for socket in replaced { try? socket.channel.close().wait() }
    var opened: [Socket] = []
    do throws(ListenError) {
      for (listener, address) in wanted
      where !kept.contains(where: { $0.listener == listener && $0.address == address }) {
        opened.append(Socket(listener: listener, address: address, channel: try bind(listener, address)))
      }
    } catch {
      for socket in opened { try? socket.channel.close().wait() }
      var restored: [Socket] = []
      for socket in replaced {
        if let channel = try? bind(socket.listener, socket.address) {
          restored.append(Socket(listener: socket.listener, address: socket.address, channel: channel))
        }
      }
      let rest = current.filter { socket in !replaced.contains { $0.channel === socket.channel } }
      sockets.withLock { $0 = rest + restored }
      throw error
    }
    for socket in current where !kept.contains(where: { $0.channel === socket.channel }) {
      try? socket.channel.close().wait()
    }
    sockets.withLock { $0 = kept + opened }
  }

  /// No more connections. Blocks.
  package func close() {
    let all = sockets.withLock { sockets in
      defer { sockets = [] }
      return sockets
    }
    for socket in all { try? socket.channel.close().wait() }
  }

  /// "*" is every address of both families, in two sockets, so that neither depends on a setting of the kernel.
  private static func expand(_ addresses: [String]) -> [String] {
    addresses.flatMap { $0 == "*" ? ["0.0.0.0", "::"] : [$0] }
  }

  private static let hasIPv6: Bool = {
    let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    _ = Glibc.close(descriptor)
    return true
  }()

  private func bind(_ listener: Configuration.Listener, _ address: String) throws(ListenError) -> any Channel {
    let admit = admit
    do {
      let socketAddress = try SocketAddress(ipAddress: address, port: listener.port)
      var bootstrap = ServerBootstrap(group: group)
        .serverChannelOption(.backlog, value: 256)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.socketOption(.so_keepalive), value: 1)
        // The session reads when it wants input, one buffer at a time.
        .childChannelOption(.autoRead, value: false)
        .childChannelOption(.maxMessagesPerRead, value: 1)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            guard let address = channel.remoteAddress?.ipAddress.flatMap(IPAddress.init) else {
              throw ChannelError.operationUnsupported
            }
            try Self.configure(channel, admit(listener, address, channel.eventLoop), listener)
          }
        }
      if address.contains(":") {
        bootstrap = bootstrap.serverChannelOption(
          ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
      }
      return try bootstrap.bind(to: socketAddress).wait()
    } catch {
      throw ListenError(
        description: "cannot listen on \(address) port \(listener.port) for [listen.\(listener.name)]: \(error)")
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
        guard let tls = context.settings.serverTLS else {
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

  private static func text(_ address: SocketAddress) -> String {
    let host = address.ipAddress ?? "?"
    return host.contains(":") ? "[\(host)]:\(address.port ?? 0)" : "\(host):\(address.port ?? 0)"
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
