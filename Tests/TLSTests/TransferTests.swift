// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOEmbedded
import Testing

@testable import TLS

@Suite struct TransferTests {
  @Test(
    "Octets arrive as they were written, both ways, however ciphertext and plaintext are cut",
    arguments: [1, 2, 100, 16_383, 16_384, 16_385, 65_536, 1 << 20])
  func sizes(count: Int) throws {
    var generator = SeededGenerator(state: UInt64(count))
    let block = (0..<4099).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let octets = Array(repeatElement(block, count: count / block.count + 1).joined().prefix(count))
    let pieceSizes: [() -> Int] = [
      { .max }, { count > 1000 ? 1021 : 1 }, { Int.random(in: 1...40_000, using: &generator) },
    ]
    for pieceSize in pieceSizes {
      for writeSize in [count, 37, 20_000] where count / writeSize < 5000 {
        let pair = try TLSPair.open()
        defer { pair.finish() }
        for (channel, recorder) in [(pair.client, pair.serverSeen), (pair.server, pair.clientSeen)] {
          let written = write(octets, in: writeSize, to: channel)
          try pair.carry(size: pieceSize)
          #expect(recorder.octets == octets)
          try written.wait()
        }
        #expect(pair.clientSeen.errors.isEmpty && pair.serverSeen.errors.isEmpty)
      }
    }
  }

  @Test("Small writes share one record, and all their promises are kept")
  func coalescing() throws {
    let pair = try TLSPair.open()
    defer { pair.finish() }
    let written = write([UInt8](repeating: 0x61, count: 1000), in: 10, to: pair.server)
    let buffers = try TLSPair.outbound(pair.server)
    #expect(records(in: buffers).count == 1)
    try written.wait()
    // Beyond a record's size a new one begins.
    _ = write([UInt8](repeating: 0x61, count: 40_000), in: 100, to: pair.server)
    #expect(records(in: try TLSPair.outbound(pair.server)).count == 3)
  }

  @Test("A large write leaves in pieces of bounded size")
  func pieces() throws {
    let pair = try TLSPair.open()
    defer { pair.finish() }
    try write([UInt8](repeating: 0x61, count: 1 << 20), in: 1 << 20, to: pair.server).wait()
    let buffers = try TLSPair.outbound(pair.server)
    #expect(buffers.count > 8)
    #expect(buffers.allSatisfy { $0.readableBytes < TLSLimits.pieceOctets + 2 * TLSLimits.recordOctetsMax })
    #expect(records(in: buffers).count == 64)
  }

  @Test("What was not flushed is not sent, and fails when the channel closes")
  func unflushed() throws {
    let pair = try TLSPair.open()
    defer { pair.finish() }
    let promise = pair.client.eventLoop.makePromise(of: Void.self)
    pair.client.write(ByteBuffer(string: "x"), promise: promise)
    try pair.carry()
    #expect(pair.serverSeen.octets.isEmpty)
    pair.client.close(promise: nil)
    #expect(throws: TLSError.closed) { try promise.futureResult.wait() }
    #expect(throws: TLSError.closed) { try pair.client.writeAndFlush(ByteBuffer(string: "y")).wait() }
  }

  @Test("Empty writes are kept promises and no records")
  func emptyWrites() throws {
    let pair = try TLSPair.open()
    defer { pair.finish() }
    try pair.client.writeAndFlush(ByteBuffer()).wait()
    #expect(records(in: try TLSPair.outbound(pair.client)).isEmpty)
  }

  @Test("A reader that answers each delivery while more ciphertext waits loses nothing")
  func answers() throws {
    let pair = try TLSPair.open()
    defer { pair.finish() }
    pair.serverSeen.onPlaintext = { context, buffer in
      context.writeAndFlush(NIOAny(buffer), promise: nil)
    }
    let octets = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    _ = write(octets, in: 999, to: pair.client)
    // All of it in one read, so that deliveries and answers alternate inside one call.
    var whole = ByteBuffer()
    for var buffer in try TLSPair.outbound(pair.client) { whole.writeBuffer(&buffer) }
    try pair.server.writeInbound(whole)
    try pair.carry()
    #expect(pair.clientSeen.octets == octets)
  }

  @Test("Ciphertext that arrives during a delivery waits for its turn")
  func reentrantInput() throws {
    let pair = try TLSPair.open()
    defer { pair.finish() }
    _ = write(Array("first".utf8), in: 5, to: pair.client)
    let first = try TLSPair.outbound(pair.client)
    _ = write(Array("second".utf8), in: 6, to: pair.client)
    let second = try TLSPair.outbound(pair.client)
    let server = pair.server
    var order: [String] = []
    pair.serverSeen.onPlaintext = { [recorder = pair.serverSeen] _, buffer in
      recorder.onPlaintext = { _, buffer in order.append(String(buffer: buffer)) }
      for buffer in second { server.pipeline.fireChannelRead(buffer) }
      order.append(String(buffer: buffer))
    }
    for buffer in first { try server.writeInbound(buffer) }
    #expect(order == ["first", "second"])
  }

  @Test("A flush from inside a write, as a change of writability causes it, keeps the order", arguments: [1, 1 << 18])
  func reentrantFlush(count: Int) throws {
    let pair = try TLSPair.open()
    defer { pair.finish() }
    let interloper = WriteInterloper()
    try pair.client.pipeline.syncOperations.addHandler(interloper, position: .first)
    let octets = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 251) }
    _ = write(octets, in: octets.count, to: pair.client)
    try pair.carry()
    #expect(interloper.hasWritten)
    #expect(pair.serverSeen.octets == octets + Array("more".utf8))
  }

  @Test("A record that was tampered with ends the connection, and the peer is told")
  func tampered() throws {
    let pair = try TLSPair.open()
    defer { pair.finish() }
    _ = write(Array("hello".utf8), in: 5, to: pair.client)
    var buffer = try #require(try pair.client.readOutbound(as: ByteBuffer.self))
    let position = buffer.writerIndex - 1
    let last = try #require(buffer.getInteger(at: position, as: UInt8.self))
    buffer.setInteger(last ^ 1, at: position)
    try pair.server.writeInbound(buffer)
    #expect(pair.serverSeen.octets.isEmpty && !pair.server.isActive)
    #expect(
      pair.serverSeen.errors == [.protocolViolation(reason: "decryption failed or bad record mac")])
    try pair.carry()
    #expect(pair.clientSeen.errors == [.protocolViolation(reason: "sslv3 alert bad record mac")])
  }

  @Test("Handler and connection are freed with the channel")
  func lifetime() throws {
    weak var handler: TLSHandler?
    do {
      let pair = try TLSPair.open()
      handler = try pair.client.pipeline.syncOperations.handler(type: TLSHandler.self)
      #expect(handler != nil)
      pair.client.close(promise: nil)
      try pair.carry()
      pair.finish()
    }
    #expect(handler == nil)
  }

  private func write(_ octets: [UInt8], in size: Int, to channel: EmbeddedChannel) -> EventLoopFuture<Void> {
    let futures = stride(from: 0, to: octets.count, by: size).map { start in
      channel.write(ByteBuffer(bytes: octets[start..<min(start + size, octets.count)]))
    }
    channel.flush()
    return EventLoopFuture.andAllSucceed(futures, on: channel.eventLoop)
  }

  /// Lengths of the records in a stream of whole ones (RFC 8446 section 5.1).
  private func records(in buffers: [ByteBuffer]) -> [Int] {
    var stream = ByteBuffer()
    for var buffer in buffers { stream.writeBuffer(&buffer) }
    var lengths: [Int] = []
    while stream.readBytes(length: 3) != nil, let length = stream.readInteger(as: UInt16.self),
      stream.readSlice(length: Int(length)) != nil
    {
      lengths.append(Int(length))
    }
    return lengths
  }
}

/// Stands at the socket's side and, inside the first write, makes the other end of the pipeline write and flush.
private final class WriteInterloper: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer

  private(set) var hasWritten = false

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if !hasWritten {
      hasWritten = true
      context.channel.writeAndFlush(ByteBuffer(string: "more"), promise: nil)
    }
    context.write(data, promise: promise)
  }
}
