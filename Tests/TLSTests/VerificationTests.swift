// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import Glibc
import NIOCore
import TestKit
import Testing

@testable import TLS

/// Pins, client certificates, and sessions that go on.
@Suite struct VerificationTests {
  let fixture: CertificateFixture

  init() throws {
    fixture = try CertificateFixture.shared.get()
  }

  // MARK: pins

  private func pin(of kind: CertificateFixture.Kind) throws -> [UInt8] {
    let certificates = try CredentialFile(path: fixture.files[kind]!.certificate).certificates()
    defer { certificates.forEach(X509_free) }
    return try #require(CertificateFacts.pin(of: certificates[0]))
  }

  private func pinning(_ pins: [UInt8]..., resumes: Bool = false) throws -> TLSContext {
    try .client(authorities: fixture.otherAuthority, minimum: .v12, verification: .pins(Set(pins)), resumes: resumes)
  }

  @Test(
    "A key that is pinned is accepted whatever name, dates and authority its certificate has, and no other key",
    arguments: [CertificateFixture.Kind.good, .expired, .address], [TLS1_2_VERSION, TLS1_3_VERSION])
  func pins(kind: CertificateFixture.Kind, version: Int32) throws {
    let right = try pin(of: kind)
    let client = try pinning([UInt8](repeating: 1, count: 32), right)
    cossl_ctx_set_max_proto_version(client.pointer, version)
    let pair = try TLSPair(client: client, server: fixture.server(kind), serverName: "any.test")
    defer { pair.finish() }
    try pair.carry()
    #expect(pair.clientSeen.facts != nil, "\(pair.clientSeen.seen)")

    let strange = try pinning(try pin(of: .wildcard))
    cossl_ctx_set_max_proto_version(strange.pointer, version)
    let refused = try TLSPair(client: strange, server: fixture.server(kind), serverName: "relay.example.com")
    defer { refused.finish() }
    try refused.carry()
    let seen = CertificateFacts.base64(right)
    guard case .verificationFailed(let reason) = refused.clientSeen.errors.first else {
      Issue.record("\(refused.clientSeen.seen)")
      return
    }
    // As it is pasted into the file.
    #expect(reason.hasPrefix("its key is none of 'tls_pins', it is \"\(seen)\" (certificate /"), "\(reason)")
    #expect(refused.serverSeen.octets.isEmpty && refused.clientSeen.facts == nil)
  }

  @Test("A pin is what the openssl command of the manual prints")
  func pinOfKey() throws {
    let path = fixture.good.certificate
    let command =
      "openssl x509 -in \(path) -noout -pubkey | openssl pkey -pubin -outform DER | "
      + "openssl dgst -sha256 -binary | openssl base64"
    let stream = try #require(popen(command, "r"))
    defer { pclose(stream) }
    var line = [CChar](repeating: 0, count: 100)
    _ = fgets(&line, 100, stream)
    let printed = String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init), as: UTF8.self)
    #expect(printed == CertificateFacts.base64(try pin(of: .good)) && printed.utf8.count == 44)
  }

  @Test("A key that anybody could break is not accepted because it is pinned")
  func weakPin() throws {
    let server = try fixture.server()
    let maker = try CertificateMaker(directory: fixture.directory, authority: "weak")
    try maker.install(.keyOf512Bits, on: server.pointer)
    let shown = try #require(SSL_CTX_get0_certificate(server.pointer))
    let pair = try TLSPair(
      client: pinning(try #require(CertificateFacts.pin(of: shown))), server: server, serverName: "localhost")
    defer { pair.finish() }
    try pair.carry()
    guard case .verificationFailed(let reason) = pair.clientSeen.errors.first else {
      Issue.record("\(pair.clientSeen.seen)")
      return
    }
    #expect(reason.hasPrefix("its key is pinned and too weak"), "\(reason)")
  }

  // MARK: certificates of clients

  /// A server that asks for a certificate of the authority, and takes no client without.
  private func asking(_ authority: String? = nil, version: Int32) throws -> TLSContext {
    let server = try fixture.server()
    cossl_ctx_set_max_proto_version(server.pointer, version)
    #expect(SSL_CTX_load_verify_file(server.pointer, authority ?? fixture.authority) == 1)
    SSL_CTX_set_verify(server.pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    SSL_CTX_set_session_id_context(server.pointer, "t", 1)
    return server
  }

  private func client(_ identity: String?) throws -> TLSContext {
    try .client(
      authorities: fixture.authority, minimum: .v12, identity: try identity.map { try ClientIdentity(path: $0) },
      resumes: true)
  }

  @Test(
    "A server that asks is shown the certificate, and what it thinks of it is told",
    arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func identity(version: Int32) throws {
    let maker = try CertificateMaker(directory: fixture.directory, authority: "clients-\(version)")
    let path = try maker.makeIdentity("office-\(version)")
    let server = try asking(maker.authority, version: version)
    let good = try TLSPair(client: client(path), server: server)
    defer { good.finish() }
    try good.carry()
    good.client.writeAndFlush(ByteBuffer(string: "EHLO"), promise: nil)
    try good.carry()
    #expect(good.serverSeen.octets == Array("EHLO".utf8) && good.clientSeen.errors.isEmpty)

    let stranger = try CertificateMaker(directory: fixture.directory, authority: "strangers").makeIdentity("stranger")
    for (shown, words) in [
      (stranger, "it does not take our certificate /CN=stranger from \(stranger) ("),
      (nil, "it wants a client certificate and there is none ("),
    ] {
      let pair = try TLSPair(client: client(shown), server: server)
      defer { pair.finish() }
      try pair.carry()
      guard case .identityRefused(let reason) = pair.clientSeen.errors.first else {
        Issue.record("\(pair.clientSeen.seen)")
        continue
      }
      #expect(reason.hasPrefix(words), "\(reason)")
    }
  }

  @Test("A client's certificate that cannot be used is named with its fault")
  func unusableIdentity() throws {
    let good = fixture.good
    let both = fixture.read(good.certificate) + fixture.read(good.key)
    let cases: [(text: String, reason: String)] = [
      (fixture.read(good.certificate), "it holds no private key in pem form"),
      (fixture.read(good.key), "it holds no certificate in pem form"), ("", "it holds no certificate in pem form"),
      (
        fixture.read(good.certificate) + fixture.read(fixture.files[.expired]!.key),
        "the private key in it is not that of its first certificate"
      ),
    ]
    for (text, reason) in cases {
      #expect(throws: TLSError.unusableFile(path: "it", reason: reason)) {
        try ClientIdentity(name: "it", pem: Array(text.utf8))
      }
    }
    let identity = try ClientIdentity(name: "it", pem: Array(both.utf8))
    #expect(identity.facts.subject == "/CN=relay.example.com" && identity.source == "it")
    #expect(
      identity
        != (try ClientIdentity(
          path: try CertificateMaker(directory: fixture.directory, authority: "x").makeIdentity("y"))))
  }

  @Test("With another certificate it is the same client, and has no session of the old one")
  func presenting() throws {
    let maker = try CertificateMaker(directory: fixture.directory, authority: "renewing")
    let server = try asking(maker.authority, version: TLS1_3_VERSION)
    let old = try client(try maker.makeIdentity("old"))
    #expect(try !resumed(old, server) && resumed(old, server))
    let new = try old.presenting(try ClientIdentity(path: try maker.makeIdentity("new")))
    #expect(new.sessions?.count == 0 && new.identity != old.identity)
    #expect(try !resumed(new, server) && resumed(new, server))
    // What it trusts is what it trusted.
    let strict = try TLSContext.client(authorities: fixture.otherAuthority, minimum: .v12).presenting(new.identity)
    let pair = try TLSPair(client: strict, server: server)
    defer { pair.finish() }
    try pair.carry()
    #expect(pair.clientSeen.facts == nil)
  }

  // MARK: sessions

  /// One connection, with an octet each way; whether its session went on.
  private func resumed(_ client: TLSContext, _ server: TLSContext, name: String = "relay.example.com") throws -> Bool {
    let pair = try TLSPair(client: client, server: server, serverName: name)
    defer { pair.finish() }
    try pair.carry()
    // The ticket of TLS 1.3 follows the handshake.
    pair.server.writeAndFlush(ByteBuffer(string: "220"), promise: nil)
    try pair.carry()
    #expect(pair.clientSeen.octets == Array("220".utf8), "\(pair.clientSeen.seen)")
    return try #require(pair.clientSeen.facts).resumed
  }

  private func resuming() throws -> TLSContext {
    try .client(authorities: fixture.authority, minimum: .v12, resumes: true)
  }

  @Test(
    "A session goes on at the same server, and none where nobody asked for that",
    arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func resumption(version: Int32) throws {
    let server = try fixture.server()
    cossl_ctx_set_max_proto_version(server.pointer, version)
    let client = try resuming()
    #expect(try !resumed(client, server))
    for _ in 0..<3 { #expect(try resumed(client, server)) }
    // Verified for one name is not verified for another.
    #expect(try !resumed(client, server, name: "localhost"))
    let other = try fixture.client()
    #expect(try !resumed(other, server) && !resumed(other, server))
    // Settings that were loaded anew know nothing of it.
    #expect(try !resumed(try resuming(), server))
  }

  @Test("A ticket of TLS 1.3 is used once, and a server that does not know it gets a full handshake")
  func tickets() throws {
    let (server, client) = (try fixture.server(), try resuming())
    #expect(try !resumed(client, server))
    let name = "relay.example.com"
    #expect(client.sessions?.count == 1)
    #expect(client.sessions?.take(for: name, now: Int64(time(nil))) != nil)
    #expect(client.sessions?.take(for: name, now: Int64(time(nil))) == nil)
    #expect(try !resumed(client, server))
    #expect(try !resumed(client, try fixture.server()))
  }

  @Test("A session that other pins accepted is refused, even if it is offered")
  func otherPins() throws {
    let server = try fixture.server()
    let first = try pinning(try pin(of: .good), resumes: true)
    #expect(try !resumed(first, server) && resumed(first, server))
    let now = Int64(time(nil))
    let session = try #require(first.sessions?.take(for: "relay.example.com", now: now))
    let other = try pinning(try pin(of: .wildcard), resumes: true)
    session.verifiedAt = now
    other.sessions?.keep(session, for: "relay.example.com", now: now, heedingDates: false)
    let pair = try TLSPair(client: other, server: server)
    defer { pair.finish() }
    try pair.carry()
    guard case .verificationFailed(let reason) = pair.clientSeen.errors.first else {
      Issue.record("\(pair.clientSeen.seen)")
      return
    }
    #expect(reason.hasPrefix("the session that goes on: its key is none of 'tls_pins'"))
    #expect(other.sessions?.count == 0 && pair.serverSeen.octets.isEmpty)
  }

  @Test("Sessions are few, and end an hour behind the verification or with the certificate")
  func bounds() throws {
    let (server, client) = (try fixture.server(), try resuming())
    let name = "relay.example.com"
    let now = Int64(time(nil))
    func session() throws -> TLSSession {
      #expect(try !resumed(client, server))
      return try #require(client.sessions?.take(for: name, now: now))
    }
    let store = SessionStore()
    for _ in 0..<12 { store.keep(try session(), for: name, now: now, heedingDates: true) }
    #expect(store.count == TLSLimits.sessionsMax)
    #expect(store.take(for: name, now: now + 3590) != nil)
    #expect(store.take(for: name, now: now + 3601) == nil && store.count == 0)
    // Of one that goes back to an older handshake only the rest of the hour is left.
    let old = try session()
    old.verifiedAt = now - 3000
    store.keep(old, for: name, now: now, heedingDates: true)
    #expect(store.take(for: name, now: now + 700) == nil)
    // The certificate is good for a day: a day later the session is worth nothing, but for pins.
    let late = now + 100_000
    for (heeds, count) in [(true, 0), (false, 1)] {
      let session = try session()
      session.verifiedAt = late
      store.keep(session, for: name, now: late, heedingDates: heeds)
      #expect(store.count == count)
    }
  }

  @Test("The hour is counted from the full handshake through all that go on from it")
  func generations() throws {
    let (server, client) = (try fixture.server(), try resuming())
    let name = "relay.example.com"
    #expect(try !resumed(client, server))
    let now = Int64(time(nil))
    let first = try #require(client.sessions?.take(for: name, now: now))
    first.verifiedAt = now - 1000
    client.sessions?.keep(first, for: name, now: now, heedingDates: true)
    #expect(try resumed(client, server))
    let second = try #require(client.sessions?.take(for: name, now: now))
    #expect(second !== first && second.verifiedAt == now - 1000)
  }

  @Test("Facts of the server's certificate are known in full and in sessions that go on")
  func certificate() throws {
    let (server, client) = (try fixture.server(), try resuming())
    for isResumed in [false, true] {
      let handler = TLSHandler(context: client, side: .client(serverName: "relay.example.com"))
      let pair = try TLSPair(client: handler, server: server)
      defer { pair.finish() }
      try pair.carry()
      #expect(pair.clientSeen.facts?.resumed == isResumed)
      let facts = try #require(handler.peerCertificate)
      #expect(facts.subject == "/CN=relay.example.com" && facts.issuer == "/CN=Postern test authority")
      #expect(facts.pin == CertificateFacts.base64(try pin(of: .good)) && facts.notBefore < facts.notAfter)
      #expect(!handler.isCertificateAsked)
    }
  }
}
