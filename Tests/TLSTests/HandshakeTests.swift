// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import NIOCore
import NIOEmbedded
import TestKit
import Testing

@testable import TLS

@Suite struct HandshakeTests {
  let fixture: CertificateFixture

  init() throws {
    fixture = try CertificateFixture.shared.get()
  }

  @Test("A handshake reports its facts on both sides, before any plaintext", arguments: ["TLSv1.2", "TLSv1.3"])
  func completes(version: String) throws {
    let client = try fixture.client()
    if version == "TLSv1.2" { cossl_ctx_set_max_proto_version(client.pointer, TLS1_2_VERSION) }
    let pair = try TLSPair(client: client, server: fixture.server())
    defer { pair.finish() }
    let written = pair.client.eventLoop.makePromise(of: Void.self)
    pair.client.writeAndFlush(ByteBuffer(string: "early"), promise: written)
    try pair.carry()
    try written.futureResult.wait()
    let facts = try #require(pair.clientSeen.facts)
    #expect(facts.version == version && facts.bits >= 128 && !facts.resumed && !facts.cipher.isEmpty)
    #expect(pair.serverSeen.seen == [.handshake(facts), .plaintext])
    #expect(pair.serverSeen.octets == Array("early".utf8))
    #expect(pair.clientSeen.seen == [.handshake(facts)])
  }

  @Test("A handshake survives any fragmentation", arguments: [1, 2, 3, 5, 6, 100])
  func fragments(size: Int) throws {
    let pair = try TLSPair(client: fixture.client(), server: fixture.server())
    defer { pair.finish() }
    try pair.carry { size }
    #expect(pair.clientSeen.facts != nil && pair.clientSeen.facts == pair.serverSeen.facts)
  }

  @Test("Handlers that are added to active channels start at once")
  func startTLS() throws {
    let pair = try TLSPair(client: fixture.client(), server: fixture.server(), isActive: true)
    defer { pair.finish() }
    try pair.carry()
    #expect(pair.clientSeen.facts != nil && pair.serverSeen.facts != nil)
  }

  @Test("What was flushed in clear before the handler came stays in clear, in front of the handshake")
  func startTLSAfterReply() throws {
    let server = EmbeddedChannel()
    server.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    server.writeAndFlush(ByteBuffer(string: "220 2.0.0 ready\r\n"), promise: nil)
    try server.pipeline.syncOperations.addHandler(
      TLSHandler(context: fixture.server(), side: .server), position: .first)
    #expect(try server.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "220 2.0.0 ready\r\n"))
    #expect(try server.readOutbound(as: ByteBuffer.self) == nil)
    _ = try server.finish(acceptAlreadyClosed: true)
  }

  @Test(
    "Names are sent to the server, addresses are not", arguments: [("relay.example.com", true), ("127.0.0.1", false)])
  func serverNameIndication(name: String, isSent: Bool) throws {
    let pair = try TLSPair(client: fixture.client(), server: fixture.server(), serverName: name)
    defer { pair.finish() }
    let hello = try #require(try pair.client.readOutbound(as: ByteBuffer.self))
    #expect(String(buffer: hello).contains(name) == isSent)
    try pair.server.writeInbound(hello)
    try pair.carry()
    #expect(pair.clientSeen.facts != nil)
  }

  @Test(
    "A certificate is accepted for the names and addresses that it holds",
    arguments: [
      (.good, "relay.example.com"), (.good, "RELAY.example.com."), (.good, "localhost"), (.good, "127.0.0.1"),
      (.wildcard, "smtp.example.com"), (.address, "192.0.2.1"), (.address, "2001:db8::1"),
      (.address, "2001:DB8:0::1"),
    ] as [(CertificateFixture.Kind, String)])
  func accepted(kind: CertificateFixture.Kind, name: String) throws {
    let pair = try TLSPair(client: fixture.client(), server: fixture.server(kind), serverName: name)
    defer { pair.finish() }
    try pair.carry()
    #expect(pair.clientSeen.facts != nil && pair.serverSeen.facts != nil, "\(pair.clientSeen.seen)")
  }

  @Test(
    "A certificate for something else, expired or not yet valid is refused by name",
    arguments: [
      (.good, "mail.example.com", "hostname mismatch (depth 0"), (.good, "127.0.0.2", "IP address mismatch (depth 0"),
      (.good, "example.com", "hostname mismatch"), (.wildcard, "a.b.example.com", "hostname mismatch"),
      (.wildcard, "example.com", "hostname mismatch"), (.partialWildcard, "relay.example.com", "hostname mismatch"),
      (.address, "relay.example.com", "hostname mismatch"), (.good, "::1", "IP address mismatch"),
      (.expired, "relay.example.com", "certificate has expired (depth 0, certificate /CN=relay.example.com)"),
      (.notYet, "relay.example.com", "certificate is not yet valid (depth 0"),
    ] as [(CertificateFixture.Kind, String, String)])
  func refused(
    kind: CertificateFixture.Kind, name: String, reason: String
  ) throws {
    let pair = try TLSPair(client: fixture.client(), server: fixture.server(kind), serverName: name)
    try expectRefusal(pair, reason)
  }

  @Test("A certificate of an authority that we do not know is refused")
  func unknownAuthority() throws {
    let client = try TLSContext.client(authorities: fixture.otherAuthority, minimum: .v12)
    try expectRefusal(
      TLSPair(client: client, server: fixture.server()), "unable to get local issuer certificate (depth 0")
    let system = try TLSContext.client(authorities: nil, minimum: .v12)
    try expectRefusal(
      TLSPair(client: system, server: fixture.server()), "unable to get local issuer certificate (depth 0")
  }

  private func expectRefusal(_ pair: TLSPair, _ reason: String) throws {
    defer { pair.finish() }
    let written = pair.client.eventLoop.makePromise(of: Void.self)
    pair.client.writeAndFlush(ByteBuffer(string: "AUTH PLAIN secret"), promise: written)
    try pair.carry()
    guard case .verificationFailed(let text) = pair.clientSeen.errors.first else {
      Issue.record("\(pair.clientSeen.seen)")
      return
    }
    #expect(text.contains(reason))
    #expect(pair.clientSeen.seen == [.error(.verificationFailed(reason: text)), .inactive])
    #expect(throws: TLSError.closed) { try written.futureResult.wait() }
    #expect(pair.serverSeen.octets.isEmpty)
    guard case .error(let told) = pair.serverSeen.seen.last(where: { $0 != .inactive }) else {
      Issue.record("the server was not told: \(pair.serverSeen.seen)")
      return
    }
    #expect(told.description.contains("alert"))
  }

  @Test("What is no ClientHello ends the connection with an error")
  func garbage() throws {
    let texts = [
      "EHLO client.example.com\r\n", "GET / HTTP/1.0\r\n\r\n", "\0\0\0\0\0\0\0\0", "\u{16}\u{3}\u{1}\0\u{4}abcd",
      "\u{16}\u{3}\u{1}\0\u{4}\u{2}\0\0\0", "\u{15}\u{3}\u{1}\0\u{2}\u{2}(", "\u{17}\u{3}\u{3}\0\u{1}a",
    ]
    for text in texts {
      let pair = try TLSPair(client: fixture.client(), server: fixture.server())
      defer { pair.finish() }
      for octet in text.utf8 where pair.server.isActive { try pair.server.writeInbound(ByteBuffer(bytes: [octet])) }
      guard let error = pair.serverSeen.errors.first, error.description.hasPrefix("tls handshake failed: ") else {
        Issue.record("\(pair.serverSeen.seen) for \(text.debugDescription)")
        continue
      }
      #expect(pair.serverSeen.seen == [.error(error), .inactive], "\(text.debugDescription)")
      #expect(!pair.server.isActive)
    }
  }

  @Test("Random octets never crash the server and never pass for a handshake", arguments: [1, 2, 3])
  func randomOctets(seed: UInt64) throws {
    var generator = SeededGenerator(state: seed)
    let context = try fixture.server()
    for _ in 0..<200 {
      let server = EmbeddedChannel()
      let recorder = Recorder()
      try server.pipeline.syncOperations.addHandlers(TLSHandler(context: context, side: .server), recorder)
      server.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
      var octets = (0..<200).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
      if Bool.random(using: &generator) { octets.replaceSubrange(0..<5, with: [0x16, 3, 1, 0, 190]) }
      try server.writeInbound(ByteBuffer(bytes: octets))
      if server.isActive { server.pipeline.fireChannelInactive() }
      #expect(recorder.errors.count == 1 && recorder.facts == nil && recorder.octets.isEmpty)
      _ = try server.finish(acceptAlreadyClosed: true)
    }
  }

  @Test("A server that answers in clear is named as such")
  func clearServer() throws {
    let pair = try TLSPair(client: fixture.client(), server: fixture.server())
    defer { pair.finish() }
    try pair.client.writeInbound(ByteBuffer(string: "220 relay.example.com ESMTP\r\n"))
    #expect(
      pair.clientSeen.errors == [
        .handshakeFailed(reason: "wrong version number: the peer does not speak tls here")
      ])
  }

  @Test("A client that knows no more than TLS 1.1 is refused, and so is TLS 1.2 where 1.3 is the least")
  func oldVersions() throws {
    let old = try fixture.client()
    SSL_CTX_set_cipher_list(old.pointer, "DEFAULT@SECLEVEL=0")
    cossl_ctx_set_min_proto_version(old.pointer, TLS1_1_VERSION)
    cossl_ctx_set_max_proto_version(old.pointer, TLS1_1_VERSION)
    let strict = try TLSContext.server(
      certificate: fixture.good.certificate, key: fixture.good.key, minimum: .v13)
    let limited = try fixture.client()
    cossl_ctx_set_max_proto_version(limited.pointer, TLS1_2_VERSION)
    for (client, server, words) in [
      (old, try fixture.server(), "the client offers tls 1.1, the least here is 1.2"),
      (limited, strict, "the client offers tls 1.2, the least here is 1.3"),
    ] {
      let pair = try TLSPair(client: client, server: server)
      defer { pair.finish() }
      try pair.carry()
      let reason = "no common tls version: \(words) (unsupported protocol)"
      #expect(pair.serverSeen.seen == [.error(.clientFailed(.version, reason: reason)), .inactive])
      #expect(
        pair.clientSeen.seen == [
          .error(.handshakeFailed(reason: "tlsv1 alert protocol version")), .inactive,
        ])
    }
  }

  @Test("A connection that ends in the middle of the handshake is an error on either side")
  func endOfInput() throws {
    let pair = try TLSPair(client: fixture.client(), server: fixture.server())
    defer { pair.finish() }
    pair.client.pipeline.fireChannelInactive()
    pair.server.pipeline.fireChannelInactive()
    #expect(pair.clientSeen.seen == [.error(.handshakeFailed(reason: "the peer closed the connection")), .inactive])
    // No flight of the client had reached it.
    let silence = "the client said nothing and left; one without tls waits for a greeting"
    #expect(pair.serverSeen.seen == [.error(.clientFailed(.silence, reason: silence)), .inactive])

    let later = try TLSPair(client: fixture.client(), server: fixture.server())
    try later.server.writeInbound(ByteBuffer(bytes: [0x16, 0x03, 0x01]))
    later.server.pipeline.fireChannelInactive()
    #expect(later.serverSeen.seen == [.error(.handshakeFailed(reason: "the peer closed the connection")), .inactive])
  }

  @Test("A server says of a client that cannot get in what it did, in words that help")
  func faults() throws {
    let stranger = try TLSPair(
      client: try TLSContext.client(authorities: fixture.otherAuthority, minimum: .v12), server: fixture.server())
    try stranger.carry()
    #expect(
      stranger.serverSeen.errors == [
        .clientFailed(.unknownAuthority, reason: "the client does not know our ca (tlsv1 alert unknown ca)")
      ])
    stranger.finish()

    for (text, words) in [
      ("EHLO client.example.com\r\n", "the client speaks smtp in clear, and here tls comes first"),
      ("GET / HTTP/1.0\r\n\r\n", "the client speaks http in clear, and here is tls with smtp"),
    ] {
      let clear = try TLSPair(client: fixture.client(), server: fixture.server())
      try clear.server.writeInbound(ByteBuffer(string: text))
      #expect(clear.serverSeen.errors == [.clientFailed(.clearText, reason: words)])
      clear.finish()
    }

    let weak = try fixture.client()
    SSL_CTX_set_cipher_list(weak.pointer, "DHE-RSA-AES128-SHA")
    cossl_ctx_set_max_proto_version(weak.pointer, TLS1_2_VERSION)
    let pair = try TLSPair(client: weak, server: fixture.server())
    try pair.carry()
    #expect(
      pair.serverSeen.errors == [.clientFailed(.algorithms, reason: "no common tls algorithms (no shared cipher)")])
    pair.finish()

    let server = EmbeddedChannel()
    let recorder = Recorder()
    try server.pipeline.syncOperations.addHandlers(TLSHandler(context: try fixture.server(), side: .server), recorder)
    server.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    server.pipeline.fireChannelInactive()
    guard case .clientFailed(.silence, _) = recorder.errors.first else {
      Issue.record("\(recorder.seen)")
      return
    }
  }

  @Test("Without a name to verify there is no connection", arguments: ["", ".", "relay.example.com\0.evil"])
  func noName(name: String) throws {
    let pair = try TLSPair(client: fixture.client(), server: fixture.server(), serverName: name)
    defer { pair.finish() }
    #expect(pair.clientSeen.seen == [.error(.unavailable(reason: "no server name to verify")), .inactive])
    #expect(try TLSPair.outbound(pair.client).isEmpty)
  }
}
