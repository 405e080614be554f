// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import NIOCore
import Testing

@testable import TLS

/// Two connections without channels, for what a peer may do that our own handler never does.
@Suite struct ConnectionTests {
  let fixture: CertificateFixture

  init() throws {
    fixture = try CertificateFixture.shared.get()
  }

  @Test("A client that comes back with its ticket resumes its session", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func resumption(version: Int32) throws {
    let server = try fixture.server()
    let client = try fixture.client()
    cossl_ctx_set_max_proto_version(client.pointer, version)
    let first = try connect(client, server)
    #expect(!first.facts.resumed)
    // The ticket of TLS 1.3 follows the handshake.
    #expect(try exchange("x", from: first.server, to: first.client) == "x")
    let session = SSL_get1_session(first.client.ssl)
    defer { SSL_SESSION_free(session) }
    let second = try connect(client, server, session: session)
    #expect(second.facts.resumed && second.facts.cipher == first.facts.cipher)
    #expect(try exchange("y", from: second.client, to: second.server) == "y")
  }

  @Test("A renegotiation is refused with an alert")
  func renegotiation() throws {
    let context = try fixture.client()
    cossl_ctx_set_max_proto_version(context.pointer, TLS1_2_VERSION)
    SSL_CTX_clear_options(context.pointer, COSSL_OP_NO_RENEGOTIATION)
    let pair = try connect(context, try fixture.server())
    #expect(SSL_renegotiate(pair.client.ssl) == 1)
    SSL_do_handshake(pair.client.ssl)
    let hello = pair.client.takeOutgoing()
    #expect(hello.readableBytes > 100)
    pair.server.receive(hello)
    var plaintext = ByteBuffer()
    plaintext.reserveCapacity(1024)
    #expect(pair.server.read(into: &plaintext) == .drained)
    // One alert, no ServerHello.
    let answer = pair.server.takeOutgoing()
    #expect(answer.readableBytes < 64 && answer.getInteger(at: answer.readerIndex, as: UInt8.self) == 21)
  }

  @Test("Key updates are answered, and a flood of them gets no flood of answers")
  func keyUpdates() throws {
    let pair = try connect(try fixture.client(), try fixture.server())
    var flood = ByteBuffer()
    for _ in 0..<1000 {
      #expect(SSL_key_update(pair.client.ssl, SSL_KEY_UPDATE_REQUESTED) == 1)
      SSL_do_handshake(pair.client.ssl)
      var update = pair.client.takeOutgoing()
      flood.writeBuffer(&update)
    }
    pair.server.receive(flood)
    var plaintext = ByteBuffer()
    plaintext.reserveCapacity(1024)
    let outcome = pair.server.read(into: &plaintext)
    #expect(plaintext.readableBytes == 0)
    #expect(pair.server.outgoingOctets <= flood.readableBytes + 64, "\(outcome)")
    if outcome == .drained {
      #expect(try exchange("x", from: pair.client, to: pair.server) == "x")
    }
  }

  @Test("After close_notify nothing can be written, and it is said once")
  func closeOutput() throws {
    let pair = try connect(try fixture.client(), try fixture.server())
    pair.client.closeOutput()
    pair.client.closeOutput()
    let spoken = pair.client.takeOutgoing()
    #expect(spoken.readableBytes > 0 && spoken.readableBytes < 64)
    var plaintext = ByteBuffer(string: "late")
    #expect(throws: TLSError.closed) { try pair.client.write(&plaintext) }
    pair.server.receive(spoken)
    var read = ByteBuffer()
    read.reserveCapacity(64)
    #expect(pair.server.read(into: &read) == .closed)
    // The other direction stays open.
    #expect(try exchange("221 bye", from: pair.server, to: pair.client) == "221 bye")
  }

  @Test("Octets that belong to no record are refused after the handshake")
  func garbage() throws {
    let pair = try connect(try fixture.client(), try fixture.server())
    pair.server.receive(ByteBuffer(string: "MAIL FROM:<a@example.com>\r\n"))
    var plaintext = ByteBuffer()
    plaintext.reserveCapacity(64)
    guard case .failed(.protocolViolation) = pair.server.read(into: &plaintext) else {
      Issue.record("taken for a record")
      return
    }
    #expect(plaintext.readableBytes == 0)
    var answer = ByteBuffer(string: "250")
    #expect(throws: TLSError.closed) { try pair.server.write(&answer) }
  }

  private func connect(
    _ clientContext: TLSContext, _ serverContext: TLSContext, session: OpaquePointer? = nil
  ) throws -> (client: TLSConnection, server: TLSConnection, facts: TLSFacts) {
    let client = try TLSConnection(context: clientContext, side: .client(serverName: "relay.example.com"))
    let server = try TLSConnection(context: serverContext, side: .server)
    if let session { SSL_set_session(client.ssl, session) }
    var clientFacts: TLSFacts?
    var serverFacts: TLSFacts?
    for _ in 0..<5 where clientFacts == nil || serverFacts == nil {
      if clientFacts == nil { clientFacts = try client.handshake() }
      server.receive(client.takeOutgoing())
      if serverFacts == nil { serverFacts = try server.handshake() }
      client.receive(server.takeOutgoing())
    }
    #expect(clientFacts == serverFacts)
    return (client, server, try #require(clientFacts))
  }

  private func exchange(_ text: String, from sender: TLSConnection, to receiver: TLSConnection) throws -> String {
    var plaintext = ByteBuffer(string: text)
    while plaintext.readableBytes > 0 { try sender.write(&plaintext) }
    receiver.receive(sender.takeOutgoing())
    var received = ByteBuffer()
    received.reserveCapacity(1024)
    #expect(receiver.read(into: &received) == .drained)
    return String(buffer: received)
  }
}
