// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import NIOCore
import Queue
import SMTP
import TLS

extension UpstreamHandler {
  /// Connects to the upstream of these settings. Fails if no connection stands; what comes of one that does, the delegate
  /// hears. Each address that is tried has a handler of its own: the delegate must not heed those that it was not given.
  static func connect(
    _ settings: Settings, queue: MessageQueue, threads: any WorkerThreads, connector: any Connector,
    on eventLoop: any EventLoop, delegate: any UpstreamConnectionDelegate
  ) -> EventLoopFuture<NIOLoopBound<UpstreamHandler>> {
    let upstream = settings.configuration.upstream
    let policy = settings.clientPolicy
    let tls = settings.clientTLS
    let delegate = NIOLoopBound(delegate, eventLoop: eventLoop)
    return connector.connect(host: upstream.host, port: upstream.port, on: eventLoop) { channel in
      channel.eventLoop.makeCompletedFuture {
        let pipeline = channel.pipeline.syncOperations
        if policy.security == .implicit {
          try pipeline.addHandler(TLSHandler(context: tls, side: .client(serverName: upstream.host)))
        }
        try pipeline.addHandler(
          UpstreamHandler(
            policy: policy, tls: tls, serverName: upstream.host, queue: queue, threads: threads,
            delegate: delegate.value))
      }
    }
    .flatMapThrowing { channel in
      let handler = try channel.pipeline.syncOperations.handler(type: UpstreamHandler.self)
      if handler.isClosed { throw ChannelError.eof }
      return NIOLoopBound(handler, eventLoop: eventLoop)
    }
  }
}

extension Settings {
  /// How we speak with the upstream.
  var clientPolicy: ClientPolicy {
    let security: ClientPolicy.Security =
      switch configuration.upstream.security {
      case .implicit: .implicit
      case .starttls: .startTLS
      case .none: .none
      }
    return ClientPolicy(hostname: configuration.hostname, security: security, login: login)
  }
}

extension UpstreamTrouble {
  static func cannotConnect(_ upstream: Configuration.Upstream, _ error: any Error) -> UpstreamTrouble {
    UpstreamTrouble(.unreachable, at: "connect", "\(upstream.host) port \(upstream.port): \(error)")
  }
}
