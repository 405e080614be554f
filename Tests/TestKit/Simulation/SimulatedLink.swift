// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded

/// Lets a peer's octets through only when the session under test asked for input, as TCP does.
final class ReadGate: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer

  private(set) var isOpen = false

  func read(context: ChannelHandlerContext) {
    isOpen = true
    context.read()
  }

  func close() {
    isOpen = false
  }
}

/// A connection between a simulated peer and a real handler: octets on their way in both directions.
final class SimulatedLink {
  let channel: EmbeddedChannel
  private let gate: ReadGate?
  /// From the peer to the handler, not there yet.
  private var inbound = ByteBuffer()
  /// Octets that the peer has written, and that have arrived.
  private(set) var written = 0
  private(set) var arrived = 0
  /// The peer hangs up when its octets have arrived.
  var isEnding = false

  init(channel: EmbeddedChannel, gate: ReadGate?) {
    self.channel = channel
    self.gate = gate
  }

  /// What the peer says.
  func write(_ octets: ByteBuffer) {
    inbound.writeImmutableBuffer(octets)
    written += octets.readableBytes
  }

  /// Moves at most `octets` towards the handler.
  func push(_ octets: Int) {
    guard channel.isActive else { return }
    guard inbound.readableBytes > 0 else {
      if isEnding { hangUp() }
      return
    }
    guard gate?.isOpen != false, let piece = inbound.readSlice(length: min(octets, inbound.readableBytes)) else {
      return
    }
    arrived += piece.readableBytes
    if inbound.readableBytes == 0 { inbound.clear() }
    gate?.close()
    _ = try? channel.writeInbound(piece)
  }

  /// What the handler said.
  func pull() -> ByteBuffer {
    var said = ByteBuffer()
    while var piece = try? channel.readOutbound(as: ByteBuffer.self) { said.writeBuffer(&piece) }
    return said
  }

  func hangUp() {
    guard channel.isActive else { return }
    channel.close(promise: nil)
    channel.embeddedEventLoop.run()
  }
}
