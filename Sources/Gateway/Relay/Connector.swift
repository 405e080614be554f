// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import NIOCore
import NIOPosix

/// Where a connection goes, and from where.
package struct Destination: Sendable, Hashable {
  /// A name, or an address.
  package var host: String
  package var port: Int
  package var ipVersion = Configuration.Upstream.IPVersion.any
  /// nil: the system chooses.
  package var source: IPAddress?

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  init(_ upstream: Configuration.Upstream) {
    self.init(host: upstream.host, port: upstream.port)
    ipVersion = upstream.ipVersion
    source = upstream.sourceAddress
  }
}

/// Opens connections to an upstream: real ones, and the simulator's.
package protocol Connector: Sendable {
  /// `configure` adds the handlers before the first octet is read.
  func connect(
    to destination: Destination, on eventLoop: any EventLoop,
    configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<any Channel>
}

/// TCP with the system's resolver on threads of its own, and happy eyeballs (RFC 8305).
package struct TCPConnector: Connector {
  private let connectSeconds: Int
  private let resolvers: NIOThreadPool
  private let lookup: SystemResolver.Lookup

  /// `connectSeconds` are for everything: the resolver's answer and all attempts.
  package init(connectSeconds: Int, resolvers: NIOThreadPool) {
    self.init(connectSeconds: connectSeconds, resolvers: resolvers, lookup: SystemResolver.lookUp)
  }

  init(connectSeconds: Int, resolvers: NIOThreadPool, lookup: @escaping SystemResolver.Lookup) {
    self.connectSeconds = connectSeconds
    self.resolvers = resolvers
    self.lookup = lookup
  }

  package func connect(
    to destination: Destination, on eventLoop: any EventLoop,
    configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<any Channel> {
    var bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(.seconds(Int64(connectSeconds)))
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer(configure)
      .resolver(SystemResolver(destination, threads: resolvers, eventLoop: eventLoop, lookup: lookup))
    if let source = destination.source {
      do {
        bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source.description, port: 0))
      } catch {
        return eventLoop.makeFailedFuture(error)
      }
    }
    return bootstrap.connect(host: destination.host, port: destination.port)
  }
}
