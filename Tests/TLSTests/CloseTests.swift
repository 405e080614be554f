// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import TLS

@Suite struct CloseTests {
  @Test("A close says close_notify, the peer answers it, and neither reports an error")
  func closeNotify() throws {
    for closesClient in [true, false] {
      let pair = try TLSPair.open()
      defer { pair.finish() }
      let (closing, other) = closesClient ? (pair.client, pair.server) : (pair.server, pair.client)
      try closing.close().wait()
      let spoken = try TLSPair.outbound(closing)
      #expect(spoken.count == 1)
      for buffer in spoken { try other.writeInbound(buffer) }
      #expect(!other.isActive)
      #expect(try TLSPair.outbound(other).count == 1)
      for recorder in [pair.clientSeen, pair.serverSeen] {
        #expect(recorder.errors.isEmpty && recorder.seen.last == .inactive)
      }
      #expect(try TLSPair.outbound(closing).isEmpty)
    }
  }

  @Test("Octets in front of a close_notify are delivered before the end")
  func lastOctets() throws {
    let pair = try TLSPair.open()
    defer { pair.finish() }
    pair.client.writeAndFlush(ByteBuffer(string: "QUIT\r\n"), promise: nil)
    pair.client.close(promise: nil)
    pair.serverSeen.onPlaintext = { context, _ in
      context.writeAndFlush(NIOAny(ByteBuffer(string: "221 2.0.0 bye\r\n")), promise: nil)
    }
    try pair.carry()
    let facts = try #require(pair.serverSeen.facts)
    #expect(pair.serverSeen.seen == [.handshake(facts), .plaintext, .inactive])
    #expect(pair.serverSeen.octets == Array("QUIT\r\n".utf8))
  }

  @Test("An end without close_notify is a truncation")
  func truncation() throws {
    let pair = try TLSPair.open()
    defer { pair.finish() }
    pair.client.writeAndFlush(ByteBuffer(string: "250 "), promise: nil)
    try pair.carry()
    pair.server.pipeline.fireChannelInactive()
    let facts = try #require(pair.serverSeen.facts)
    #expect(pair.serverSeen.seen == [.handshake(facts), .plaintext, .error(.truncated), .inactive])
  }

  @Test("A record that ends in its middle is a truncation too")
  func truncatedRecord() throws {
    let pair = try TLSPair.open()
    defer { pair.finish() }
    pair.client.writeAndFlush(ByteBuffer(string: "250 accepted"), promise: nil)
    var buffer = try #require(try pair.client.readOutbound(as: ByteBuffer.self))
    buffer.moveWriterIndex(to: buffer.writerIndex - 1)
    try pair.server.writeInbound(buffer)
    pair.server.pipeline.fireChannelInactive()
    #expect(pair.serverSeen.octets.isEmpty && pair.serverSeen.errors == [.truncated])
  }

  @Test("A reader that closes over what it read is told nothing more")
  func closeWhileReading() throws {
    let pair = try TLSPair.open()
    defer { pair.finish() }
    pair.serverSeen.onPlaintext = { context, _ in context.close(promise: nil) }
    for text in ["one", "two"] { pair.client.writeAndFlush(ByteBuffer(string: text), promise: nil) }
    var whole = ByteBuffer()
    for var buffer in try TLSPair.outbound(pair.client) { whole.writeBuffer(&buffer) }
    whole.writeString("garbage behind it")
    try pair.server.writeInbound(whole)
    let facts = try #require(pair.serverSeen.facts)
    #expect(pair.serverSeen.seen == [.handshake(facts), .plaintext, .inactive])
    try pair.carry()
    #expect(!pair.client.isActive)
  }

  @Test("Where half-closure is allowed, the other direction goes on after close_notify, over real sockets")
  func halfClosure() throws {
    let answer = [UInt8](repeating: 0x61, count: 3 << 20)
    let loopback = try Loopback { context, seen in
      if seen == .inputClosed {
        context.writeAndFlush(NIOAny(ByteBuffer(bytes: answer)), promise: nil)
      }
    }
    defer { loopback.shutDown() }
    let client = try loopback.connect()
    try client.channel.writeAndFlush(ByteBuffer(string: "QUIT\r\n")).wait()
    try client.channel.close(mode: .output).wait()
    #expect(throws: TLSError.closed) { try client.channel.writeAndFlush(ByteBuffer(string: "late")).wait() }
    let result = try client.result.wait()
    #expect(result.octets == Array("QUIT\r\n".utf8) + answer)
    #expect(result.errors.isEmpty, "\(result.errors)")
  }

  @Test("Large transfers both ways at once over real sockets keep every octet")
  func echo() throws {
    let loopback = try Loopback { _, _ in }
    defer { loopback.shutDown() }
    let clients = try (0..<4).map { _ in try loopback.connect() }
    let octets = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 / 13) }
    let written = clients.map { $0.channel.writeAndFlush(ByteBuffer(bytes: octets)) }
    for (client, written) in zip(clients, written) {
      try written.wait()
      try client.channel.close(mode: .output).wait()
    }
    for client in clients {
      let result = try client.result.wait()
      #expect(result.octets == octets && result.errors.isEmpty)
    }
  }

  @Test("A socket that closes without a word is a truncation")
  func abruptSocket() throws {
    let loopback = try Loopback { context, seen in
      // Past the TLS handler, straight to the socket.
      guard seen == .plaintext else { return }
      let tls = try? context.pipeline.syncOperations.context(handlerType: TLSHandler.self)
      tls?.close(promise: nil)
    }
    defer { loopback.shutDown() }
    let client = try loopback.connect()
    try client.channel.writeAndFlush(ByteBuffer(string: "DATA\r\n")).wait()
    let result = try client.result.wait()
    #expect(result.errors.first == .truncated)
  }
}
