// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// Opens connections to an upstream: real ones, and the simulator's.
package protocol Connector: Sendable {
  /// `configure` adds the handlers before the first octet is read.
  func connect(
    host: String, port: Int, on eventLoop: any EventLoop,
    configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<any Channel>
}

/// TCP with the system's resolver and happy eyeballs (RFC 8305).
package struct TCPConnector: Connector {
  private let connectSeconds: Int

  package init(connectSeconds: Int) {
    self.connectSeconds = connectSeconds
  }

  package func connect(
    host: String, port: Int, on eventLoop: any EventLoop,
    configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<any Channel> {
    ClientBootstrap(group: eventLoop)
      .connectTimeout(.seconds(Int64(connectSeconds)))
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer(configure)
      .connect(host: host, port: port)
  }
}
