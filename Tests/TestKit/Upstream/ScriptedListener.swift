// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import TLS

/// A scripted upstream on a port of 127.0.0.1, with an event loop of its own.
package final class ScriptedListener {
  package let port: Int
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let channel: any Channel

  package init(_ script: UpstreamScript, tls: TLSContext?, record: ScriptedUpstream.Box) throws {
    channel = try ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      // What it has not read stays with the client, as it would far away.
      .serverChannelOption(.socketOption(.so_rcvbuf), value: 1 << 16)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls, script.isImplicitTLS {
            try channel.pipeline.syncOperations.addHandler(TLSHandler(context: tls, side: .server))
          }
          try channel.pipeline.syncOperations.addHandler(ScriptedUpstream(script, tls: tls, record: record))
        }
      }
      .bind(host: "127.0.0.1", port: 0).wait()
    port = channel.localAddress!.port!
  }

  package func shutDown() {
    try? channel.close().wait()
    try? group.syncShutdownGracefully()
  }
}
