// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOEmbedded

@testable import TLS

/// Stands behind a `TLSHandler` and keeps what arrives, in order.
final class Recorder: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum Seen: Equatable {
    case handshake(TLSFacts)
    case plaintext
    case inputClosed
    case error(TLSError)
    case otherError(String)
    case inactive
  }

  /// Neighbouring `plaintext` entries are one.
  private(set) var seen: [Seen] = []
  private(set) var octets: [UInt8] = []
  /// Called for each delivery, with the context, before the call returns.
  var onPlaintext: ((ChannelHandlerContext, ByteBuffer) -> Void)?

  var facts: TLSFacts? {
    for case .handshake(let facts) in seen { return facts }
    return nil
  }

  var errors: [TLSError] {
    seen.compactMap { if case .error(let error) = $0 { error } else { nil } }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    octets += buffer.readableBytesView
    if seen.last != .plaintext { seen.append(.plaintext) }
    onPlaintext?(context, buffer)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case TLSEvent.handshakeCompleted(let facts): seen.append(.handshake(facts))
    case ChannelEvent.inputClosed: seen.append(.inputClosed)
    default: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    seen.append((error as? TLSError).map(Seen.error) ?? .otherError("\(error)"))
  }

  func channelInactive(context: ChannelHandlerContext) {
    seen.append(.inactive)
  }
}

/// A client and a server over two embedded channels; the test carries the ciphertext.
final class TLSPair {
  let client = EmbeddedChannel()
  let server = EmbeddedChannel()
  let clientSeen = Recorder()
  let serverSeen = Recorder()

  convenience init(
    client: TLSContext, server: TLSContext, serverName: String = "relay.example.com", isActive: Bool = false
  ) throws {
    let handler = TLSHandler(context: client, side: .client(serverName: serverName))
    try self.init(client: handler, server: server, isActive: isActive)
  }

  init(client handler: TLSHandler, server serverContext: TLSContext, isActive: Bool = false) throws {
    if isActive { try connect() }
    try client.pipeline.syncOperations.addHandlers(handler, clientSeen)
    try server.pipeline.syncOperations.addHandlers(TLSHandler(context: serverContext, side: .server), serverSeen)
    if !isActive { try connect() }
  }

  /// With a finished handshake.
  static func open() throws -> TLSPair {
    let fixture = try CertificateFixture.shared.get()
    let pair = try TLSPair(client: fixture.client(), server: fixture.server())
    try pair.carry()
    return pair
  }

  private func connect() throws {
    for channel in [client, server] {
      channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }
  }

  /// Carries ciphertext both ways, in pieces of at most `size()` octets, until none is left.
  func carry(size: () -> Int = { .max }) throws {
    var isMoving = true
    while isMoving {
      isMoving = try carry(from: client, to: server, size: size)
      isMoving = try carry(from: server, to: client, size: size) || isMoving
    }
  }

  private func carry(from: EmbeddedChannel, to: EmbeddedChannel, size: () -> Int) throws -> Bool {
    var moved = false
    while var buffer = try from.readOutbound(as: ByteBuffer.self) {
      moved = true
      while to.isActive, let piece = buffer.readSlice(length: min(size(), buffer.readableBytes)),
        piece.readableBytes > 0
      {
        try to.writeInbound(piece)
      }
    }
    return moved
  }

  /// Everything that a channel has to send now.
  static func outbound(_ channel: EmbeddedChannel) throws -> [ByteBuffer] {
    var buffers: [ByteBuffer] = []
    while let buffer = try channel.readOutbound(as: ByteBuffer.self) { buffers.append(buffer) }
    return buffers
  }

  func finish() {
    _ = try? client.finish(acceptAlreadyClosed: true)
    _ = try? server.finish(acceptAlreadyClosed: true)
  }
}

/// SplitMix64: the same seed gives the same test.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
