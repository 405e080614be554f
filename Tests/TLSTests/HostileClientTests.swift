// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import NIOCore
import NIOEmbedded
import TestKit
import Testing

@testable import TLS

/// What a client may do to a server before and behind the handshake. Work is counted in octets, not in time.
@Suite("A hostile TLS client") struct HostileClientTests {
  let fixture: CertificateFixture

  init() throws {
    fixture = try CertificateFixture.shared.get()
  }

  /// A server, and what becomes of it.
  private final class Victim {
    let channel = EmbeddedChannel()
    let seen = Recorder()
    private(set) var octets = 0

    init(_ context: TLSContext) throws {
      try channel.pipeline.syncOperations.addHandlers(TLSHandler(context: context, side: .server), seen)
      channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    deinit {
      _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    func send(_ piece: [UInt8]) throws {
      guard channel.isActive else { return }
      octets += piece.count
      try channel.writeInbound(ByteBuffer(bytes: piece))
    }

    /// Sends the same again and again, up to 2 MiB.
    func flood(_ piece: [UInt8]) throws {
      while channel.isActive, octets < 2 << 20 { try send(piece) }
    }

    func answer() throws -> [UInt8] { try TLSPair.outbound(channel).flatMap { Array($0.readableBytesView) } }

    var failure: String? { seen.errors.count == 1 ? seen.errors[0].description : nil }
  }

  // MARK: before the handshake

  @Test(
    "may send its ClientHello in records of one octet, and segments of one",
    arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func tinyRecords(version: Int32) throws {
    let client = try fixture.client()
    cossl_ctx_set_max_proto_version(client.pointer, version)
    let pair = try TLSPair(client: client, server: fixture.server())
    defer { pair.finish() }
    let hello = try #require(try pair.client.readOutbound(as: ByteBuffer.self))
    for octet in ForgedHello.records(Array(hello.readableBytesView.dropFirst(5)), of: 1) {
      try pair.server.writeInbound(ByteBuffer(bytes: [octet]))
    }
    try pair.carry()
    #expect(pair.serverSeen.facts != nil && pair.serverSeen.facts == pair.clientSeen.facts)
  }

  @Test(
    "with megabytes of records that bring nothing is ended after a few",
    arguments: [
      [0x16, 3, 1, 0, 0], [0x17, 3, 3, 0, 0], [0x15, 3, 1, 0, 0], [0x15, 3, 1, 0, 2, 1, 0], [0x14, 3, 3, 0, 1, 1],
    ] as [[UInt8]], [false, true])
  func emptyRecords(record: [UInt8], isBehindHello: Bool) throws {
    let victim = try Victim(fixture.server())
    if isBehindHello { try victim.send(ForgedHello().records()) }
    let before = victim.octets
    try victim.flood(record)
    #expect(!victim.channel.isActive && victim.failure != nil, "\(victim.seen.seen)")
    #expect((victim.octets - before) / record.count <= 64)
  }

  @Test(
    "with a ClientHello that never ends is ended by a bound where records cost more than they bring, else by its time")
  func endlessHello() throws {
    // As long as OpenSSL takes it, and an octet short.
    let message = [1, 1, 0xFF, 0xFF] + [UInt8](repeating: 3, count: 131_066)
    let tiny = try Victim(fixture.server())
    let records = ForgedHello.records(message, of: 1)
    for start in stride(from: 0, to: records.count, by: 600) {
      try tiny.send(Array(records[start..<min(start + 600, records.count)]))
    }
    #expect(tiny.failure == "tls handshake failed: 320 KiB came, and no end of the handshake")
    #expect(tiny.octets <= TLSLimits.silentOctetsMax + 600)
    let waiting = try Victim(fixture.server())
    try waiting.send(ForgedHello.records(message, of: 16_384))
    #expect(waiting.channel.isActive && waiting.seen.seen.isEmpty)
    waiting.channel.triggerUserOutboundEvent(TLSOrder.endHandshake, promise: nil)
    #expect(waiting.failure == "tls handshake failed: too slow: it began, and was not done in time")
    let huge = try Victim(fixture.server())
    try huge.flood([0x16, 3, 1, 0x40, 0, 1, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 16_380))
    #expect(huge.failure == "tls handshake failed: excessive message size" && huge.octets < 40_000)
  }

  @Test("with a name of 64 KB, or nonsense in its extensions, is refused by an alert")
  func extensions() throws {
    let name = [UInt8](repeating: UInt8(ascii: "a"), count: 60_000)
    let names = [0] + ForgedRecords.two(name.count) + name
    let cases: [(type: Int, content: [UInt8])] = [
      (0, ForgedRecords.two(names.count) + names), (0, [0, 9, 0, 0, 99, 1]), (0, []),
      (16, [0, 3, 9, 1, 2]), (16, []), (16, [0, 0]), (10, [0, 1, 7]), (13, []), (43, [99]),
    ]
    for (type, content) in cases {
      let victim = try Victim(fixture.server())
      try victim.send(ForgedHello(extensions: [(type, content)]).records())
      #expect(victim.failure != nil && !victim.channel.isActive, "extension \(type): \(victim.seen.seen)")
      #expect(try victim.answer().first == 0x15)
    }
  }

  @Test("is answered without compression and without another protocol, whatever it would like")
  func offers() throws {
    let protocols: [UInt8] = Array("\u{8}http/1.1\u{2}h2".utf8)
    let victim = try Victim(fixture.server())
    try victim.send(
      ForgedHello(compressions: [1, 64, 0], extensions: [(16, ForgedRecords.two(protocols.count) + protocols)])
        .records())
    let hello = try victim.answer()
    // Version, random, an empty session, the cipher, and what compresses (RFC 5246 section 7.4.1.3).
    let behind = 5 + 4 + 2 + 32
    #expect(hello[0] == 0x16 && hello[5] == 2 && victim.channel.isActive)
    let session = Int(hello[behind])
    #expect(hello[behind + 1 + session + 2] == 0)
    #expect(!String(decoding: hello.prefix(200), as: UTF8.self).contains("http"))
  }

  @Test(
    "that speaks something else is told from one that speaks bad TLS",
    arguments: [
      ("EHLO client.example.com\r\n", "the client speaks smtp in clear, and here tls comes first"),
      ("helo x\r\n", "the client speaks smtp in clear, and here tls comes first"),
      ("STARTTLS\r\n", "the client speaks smtp in clear, and here tls comes first"),
      ("GET / HTTP/1.1\r\n", "the client speaks http in clear, and here is tls with smtp"),
      ("PRI * HTTP/2.0\r\n", "the client speaks http in clear, and here is tls with smtp"),
      ("SSH-2.0-x\r\n", "the client speaks ssh"), ("\u{3}\0\0\u{13}\u{E}", "the client speaks rdp"),
      ("secret-password\r\n", "the client sends text in clear, and no tls"),
      ("\0\0\0\0\0", "what the client sends is no tls"),
      ("\u{17}\u{3}\u{3}\0\u{1}a", "the client begins with a tls record that begins no handshake"),
      ("\u{16}\u{3}\u{1}\0\u{4}abcd", nil),
    ] as [(String, String?)])
  func otherProtocols(text: String, reason: String?) throws {
    for inPieces in [false, true] { try speak(text, inPieces: inPieces, reason) }
  }

  private func speak(_ text: String, inPieces: Bool, _ reason: String?) throws {
    let victim = try Victim(fixture.server())
    let octets = Array(text.utf8)
    for piece in inPieces ? octets.map({ [$0] }) : [octets] { try victim.send(piece) }
    let failure = try #require(victim.failure, "\(victim.seen.seen)")
    #expect(!failure.contains("secret") && !victim.channel.isActive)
    if inPieces, reason?.contains("smtp") == true || reason?.contains("http") == true {
      // Five octets are the header of a record: OpenSSL waits for no more.
      #expect(failure.contains("client"))
    } else if let reason {
      #expect(failure == "tls handshake failed: \(reason)")
    } else {
      #expect(!failure.contains("client"))
    }
  }

  @Test("that is too slow is ended, with how far it came")
  func tooSlow() throws {
    let hello = ForgedHello().records()
    for (octets, reason) in [
      ([], "nothing came; it may wait for a greeting in clear"),
      (Array("EHLO".utf8) + [0x20], nil),
      (Array(hello.prefix(60)), "it began, and was not done in time"), (hello, "it began, and was not done in time"),
    ] as [([UInt8], String?)] {
      let victim = try Victim(fixture.server())
      try victim.send(octets)
      victim.channel.triggerUserOutboundEvent(TLSOrder.endHandshake, promise: nil)
      #expect(!victim.channel.isActive && victim.seen.errors.count == 1)
      if let reason { #expect(victim.failure == "tls handshake failed: too slow: \(reason)") }
    }
    // Behind the handshake it means nothing.
    let pair = try TLSPair.open()
    defer { pair.finish() }
    try pair.server.triggerUserOutboundEvent(TLSOrder.endHandshake).wait()
    #expect(pair.server.isActive && pair.serverSeen.errors.isEmpty)
  }

  // MARK: behind it

  private typealias Duel = (client: TLSConnection, server: TLSConnection, records: ForgedRecords)

  private func duel(_ version: Int32) throws -> Duel {
    let context = try fixture.client()
    ForgedRecords.prepare(context, version: version)
    let client = try TLSConnection(context: context, side: .client(serverName: "relay.example.com"))
    let server = try TLSConnection(context: try fixture.server(), side: .server)
    var facts: TLSFacts?
    for _ in 0..<4 {
      _ = try client.handshake()
      server.receive(client.takeOutgoing())
      if facts == nil { facts = try server.handshake() }
      client.receive(server.takeOutgoing())
    }
    #expect(facts?.version == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"))
    return (client, server, try ForgedRecords(client))
  }

  /// How many octets the server takes until it has had enough, and what it wants to say to them.
  private func flood(
    _ duel: inout Duel, _ record: (inout ForgedRecords) -> [UInt8]
  ) -> (octets: Int, said: Int, reason: String?) {
    var (octets, said) = (0, 0)
    while octets < 4 << 20 {
      let piece = record(&duel.records)
      octets += piece.count
      duel.server.receive(ByteBuffer(bytes: piece))
      var plaintext = ByteBuffer()
      plaintext.reserveCapacity(1024)
      let outcome = duel.server.read(into: &plaintext)
      said += duel.server.takeOutgoing().readableBytes
      #expect(plaintext.readableBytes == 0)
      switch outcome {
      case .drained: continue
      case .failed(let error): return (octets, said, error.description)
      case .more, .closed: return (octets, said, nil)
      }
    }
    return (octets, said, nil)
  }

  @Test(
    "with forged records is understood, so that what follows means something",
    arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func forgery(version: Int32) throws {
    var duel = try duel(version)
    duel.server.receive(ByteBuffer(bytes: duel.records.next(0x17, Array("NOOP".utf8))))
    var plaintext = ByteBuffer()
    plaintext.reserveCapacity(64)
    #expect(duel.server.read(into: &plaintext) == .drained && String(buffer: plaintext) == "NOOP")
  }

  @Test("with encrypted records that hold nothing is ended after a few", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func emptyData(version: Int32) throws {
    var duel = try duel(version)
    let end = flood(&duel) { $0.next(0x17, []) }
    #expect(end.reason != nil && end.octets < 4_000, "\(end)")
  }

  @Test("with records of padding alone is ended by the bound")
  func padding() throws {
    var duel = try duel(TLS1_3_VERSION)
    let end = flood(&duel) { $0.next(0x17, [], padding: 16_000) }
    #expect(end.reason != nil && end.octets < TLSLimits.silentOctetsMax + 20_000, "\(end)")
  }

  @Test("that asks for another handshake gets none, and is ended when it asks on and on")
  func renegotiation() throws {
    var duel = try duel(TLS1_2_VERSION)
    let hello = ForgedHello().message
    let end = flood(&duel) { $0.next(0x16, hello) }
    #expect(end.reason == "tls connection failed: 320 KiB came that carry nothing", "\(end)")
    #expect(end.octets < TLSLimits.silentOctetsMax + 1_000 && end.said < end.octets)
  }

  @Test("that changes its keys on and on is ended by the bound")
  func keyUpdates() throws {
    let context = try fixture.client()
    let client = try TLSConnection(context: context, side: .client(serverName: "relay.example.com"))
    let server = try TLSConnection(context: try fixture.server(), side: .server)
    for _ in 0..<4 {
      _ = try client.handshake()
      server.receive(client.takeOutgoing())
      _ = try server.handshake()
      client.receive(server.takeOutgoing())
    }
    var (octets, outcome) = (0, TLSConnection.ReadOutcome.drained)
    while octets < 1 << 20, outcome == .drained {
      SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED)
      SSL_do_handshake(client.ssl)
      let update = client.takeOutgoing()
      octets += update.readableBytes
      server.receive(update)
      var plaintext = ByteBuffer()
      plaintext.reserveCapacity(64)
      outcome = server.read(into: &plaintext)
      _ = server.takeOutgoing()
    }
    guard case .failed = outcome else {
      Issue.record("\(octets) octets, and no end")
      return
    }
    #expect(octets <= TLSLimits.silentOctetsMax + 100)
  }

  @Test("that sends data before the handshake is done has sent it for nothing")
  func earlyData() throws {
    let client = try TLSContext.client(authorities: fixture.authority, minimum: .v13, resumes: true)
    let server = try fixture.server()
    let first = try TLSPair(client: client, server: server)
    try first.carry()
    first.server.writeAndFlush(ByteBuffer(string: "220"), promise: nil)
    try first.carry()
    first.finish()
    // The server has allowed none; this client does it all the same.
    let session = try #require(client.sessions?.take(for: "relay.example.com", now: 0))
    SSL_SESSION_set_max_early_data(session.pointer, 16_384)
    let eager = try TLSConnection(context: fixture.client(), side: .client(serverName: "relay.example.com"))
    SSL_set_session(eager.ssl, session.pointer)
    var written = 0
    let mail = Array("MAIL FROM:<mallory@example.org>\r\n".utf8)
    #expect(SSL_write_early_data(eager.ssl, mail, mail.count, &written) == 1 && written == mail.count)
    let victim = try TLSConnection(context: server, side: .server)
    var facts: TLSFacts?
    for _ in 0..<4 {
      victim.receive(eager.takeOutgoing())
      if facts == nil { facts = try victim.handshake() }
      eager.receive(victim.takeOutgoing())
      _ = try eager.handshake()
    }
    #expect(facts?.resumed == true && SSL_get_early_data_status(eager.ssl) == SSL_EARLY_DATA_REJECTED)
    var noop = ByteBuffer(string: "NOOP\r\n")
    try eager.write(&noop)
    victim.receive(eager.takeOutgoing())
    var plaintext = ByteBuffer()
    plaintext.reserveCapacity(1024)
    #expect(victim.read(into: &plaintext) == .drained && String(buffer: plaintext) == "NOOP\r\n")
  }
}
