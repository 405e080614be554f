// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import NIOCore
import NIOPosix
import Queue
import SMTP
import TLS

extension UpstreamHandler {
  /// Connects to the upstream of these settings. Fails if no connection stands; what comes of one that does, the delegate
  /// hears. Each address that is tried has a handler of its own: the delegate must not heed those that it was not given.
  static func connect(
    _ settings: UpstreamSettings, logins: any LoginSource, queue: MessageQueue, threads: any WorkerThreads,
    connector: any Connector, on eventLoop: any EventLoop, delegate: any UpstreamConnectionDelegate
  ) -> EventLoopFuture<NIOLoopBound<UpstreamHandler>> {
    let delegate = NIOLoopBound(delegate, eventLoop: eventLoop)
    return logins.login(on: eventLoop).flatMap { login in
      connect(
        settings, settings.clientPolicy(login), queue: queue, threads: threads, connector: connector, on: eventLoop,
        delegate: delegate)
    }
  }

  private static func connect(
    _ settings: UpstreamSettings, _ policy: ClientPolicy, queue: MessageQueue, threads: any WorkerThreads,
    connector: any Connector, on eventLoop: any EventLoop, delegate: NIOLoopBound<any UpstreamConnectionDelegate>
  ) -> EventLoopFuture<NIOLoopBound<UpstreamHandler>> {
    let upstream = settings.upstream
    let tls = settings.tls
    return connector.connect(to: Destination(upstream), on: eventLoop) { channel in
      channel.eventLoop.makeCompletedFuture {
        let pipeline = channel.pipeline.syncOperations
        if policy.security == .implicit {
          try pipeline.addHandler(TLSHandler(context: tls, side: .client(serverName: upstream.host)))
        }
        try pipeline.addHandler(
          UpstreamHandler(
            policy: policy, tls: tls, serverName: upstream.host, queue: queue, threads: threads,
            delegate: delegate.value, senders: settings.senderRule))
      }
    }
    .flatMapThrowing { channel in
      let handler = try channel.pipeline.syncOperations.handler(type: UpstreamHandler.self)
      if handler.isClosed { throw ChannelError.eof }
      return NIOLoopBound(handler, eventLoop: eventLoop)
    }
  }
}

extension UpstreamTrouble {
  /// What kept a connection from standing: of the login's source, or of the network.
  static func cannotConnect(_ upstream: Configuration.Upstream, _ error: any Error) -> UpstreamTrouble {
    if let trouble = error as? UpstreamTrouble { return trouble }
    return UpstreamTrouble(.unreachable, at: "connect", "\(upstream.host) port \(upstream.port): \(reason(error))")
  }

  private static func reason(_ error: any Error) -> String {
    guard let error = error as? NIOConnectionError, let unresolved = error.dnsAError ?? error.dnsAAAAError else {
      return "\(error)"
    }
    return "no address: \(unresolved)"
  }
}
