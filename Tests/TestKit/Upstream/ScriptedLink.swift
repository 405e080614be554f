// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Gateway
import NIOCore
import NIOEmbedded
import TLS

/// Connects a gateway to a scripted upstream in memory, on an event loop whose time a test moves.
package final class ScriptedLink: Connector {
  private let loop: NIOLoopBound<EmbeddedEventLoop>
  private let peers: NIOLoopBoundBox<[Peer]>
  private let script: UpstreamScript
  private let tls: TLSContext?
  private let record: ScriptedUpstream.Box

  private struct Peer {
    let client: EmbeddedChannel
    let upstream: EmbeddedChannel
    let handler: ScriptedUpstream
    var hasEnded = false
  }

  package init(_ script: UpstreamScript, tls: TLSContext?, record: ScriptedUpstream.Box, on loop: EmbeddedEventLoop) {
    self.script = script
    self.tls = tls
    self.record = record
    self.loop = NIOLoopBound(loop, eventLoop: loop)
    peers = NIOLoopBoundBox([], eventLoop: loop)
  }

  package func connect(
    to destination: Destination, on eventLoop: any EventLoop,
    configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<any Channel> {
    let loop = loop.value
    let client = EmbeddedChannel(handlers: [], loop: loop)
    let configured = configure(client)
    let handler = ScriptedUpstream(script, tls: tls, record: record)
    let upstream = EmbeddedChannel(handlers: [], loop: loop)
    let address = try! SocketAddress(ipAddress: "192.0.2.99", port: 587)
    do {
      if let tls, script.isImplicitTLS {
        try upstream.pipeline.syncOperations.addHandler(TLSHandler(context: tls, side: .server))
      }
      try upstream.pipeline.syncOperations.addHandler(handler)
    } catch {
      return eventLoop.makeFailedFuture(error)
    }
    client.connect(to: address, promise: nil)
    upstream.connect(to: address, promise: nil)
    peers.value.append(Peer(client: client, upstream: upstream, handler: handler))
    return configured.map { client }
  }

  /// Carries octets both ways, and ends, until nothing moves.
  package func carry() {
    var isMoving = true
    while isMoving {
      loop.value.run()
      isMoving = false
      for index in peers.value.indices {
        let peer = peers.value[index]
        if Self.carry(from: peer.client, to: peer.upstream) { isMoving = true }
        if Self.carry(from: peer.upstream, to: peer.client) { isMoving = true }
        guard !peer.hasEnded, !peer.upstream.isActive || !peer.client.isActive else { continue }
        peers.value[index].hasEnded = true
        isMoving = true
        if peer.client.isActive {
          if peer.handler.isReset {
            peer.client.pipeline.fireErrorCaught(IOError(errnoCode: 104, reason: "reset by peer"))
          }
          peer.client.close(promise: nil)
        }
        if peer.upstream.isActive { peer.upstream.close(promise: nil) }
      }
    }
  }

  private static func carry(from: EmbeddedChannel, to: EmbeddedChannel) -> Bool {
    var moved = false
    while let octets = try? from.readOutbound(as: ByteBuffer.self) {
      moved = true
      if to.isActive { _ = try? to.writeInbound(octets) }
    }
    return moved
  }
}
