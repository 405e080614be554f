// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import Glibc
import NIOCore
import TestKit
import Testing

@testable import TLS

@Suite("A client's certificate") struct ClientCertificateTests {
  let fixture: CertificateFixture
  let maker: CertificateMaker
  /// Of the files of one test.
  let prefix: String

  init() throws {
    fixture = try CertificateFixture.shared.get()
    prefix = "clients-\(UInt32.random(in: 0 ... .max))"
    maker = try CertificateMaker(directory: fixture.directory, authority: prefix)
  }

  private func identity(
    _ subject: String, alternatives: String? = nil, usage: String = "clientAuth",
    validity: CertificateMaker.Validity = .current, behind count: Int = 0, of other: CertificateMaker? = nil
  ) throws -> String {
    try (other ?? maker).makeIdentity(
      "\(prefix)-\(UInt32.random(in: 0 ... .max))", subject: subject, alternatives: alternatives, usage: usage,
      validity: validity, behind: count)
  }

  private func server(_ authorities: String? = nil, version: Int32 = TLS1_3_VERSION) throws -> TLSContext {
    let context = try TLSContext.server(
      certificate: fixture.good.certificate, key: fixture.good.key, minimum: .v12,
      clientAuthorities: authorities ?? maker.authority)
    cossl_ctx_set_max_proto_version(context.pointer, version)
    return context
  }

  private func client(_ identity: String?, resumes: Bool = false) throws -> TLSContext {
    try TLSContext.client(
      authorities: fixture.authority, minimum: .v12, identity: try identity.map { try ClientIdentity(path: $0) },
      resumes: resumes)
  }

  private struct Outcome {
    var shown: ShownCertificate?
    var isResumed: Bool
  }

  /// One connection with an octet each way, which no certificate of the client's prevents.
  private func connect(_ client: TLSContext, _ server: TLSContext) throws -> Outcome {
    let pair = try TLSPair(client: client, server: server)
    defer { pair.finish() }
    try pair.carry()
    pair.client.writeAndFlush(ByteBuffer(string: "a"), promise: nil)
    pair.server.writeAndFlush(ByteBuffer(string: "b"), promise: nil)
    try pair.carry()
    #expect(pair.serverSeen.octets == Array("a".utf8), "\(pair.serverSeen.seen)")
    #expect(pair.clientSeen.octets == Array("b".utf8), "\(pair.clientSeen.seen)")
    let handler = try pair.server.pipeline.syncOperations.handler(type: TLSHandler.self)
    return Outcome(shown: handler.shownCertificate, isResumed: try #require(pair.serverSeen.facts).resumed)
  }

  private func shown(_ identity: String?, _ server: TLSContext) throws -> ShownCertificate? {
    try connect(client(identity), server).shown
  }

  private func names(
    _ subject: String, _ alternatives: String? = nil, _ server: TLSContext? = nil
  ) throws -> [String] {
    guard
      case .accepted(let names) = try shown(identity(subject, alternatives: alternatives), try server ?? self.server())
    else { return [] }
    return names
  }

  @Test(
    "of an authority that the admin named is accepted, for its addresses and hosts, else its common name",
    arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func accepted(version: Int32) throws {
    let server = try server(version: version)
    #expect(try names("scanner", nil, server) == ["scanner"])
    #expect(try names("scanner", "DNS:nas.lan,email:alice@example.org", server) == ["nas.lan", "alice@example.org"])
    // A name of another kind is not one that a user has, and leaves the common name what it is.
    #expect(try names("scanner", "IP:192.0.2.1", server) == ["scanner"])
  }

  @Test("is never accepted for a part of its name, and for no more of them than are looked at")
  func oddNames() throws {
    for subject in ["alice\0.example.org", "alice smith", "alic\u{E9}", "alice\n"] {
      guard case .refused(let reason) = try shown(identity(subject), server()) else {
        Issue.record("accepted for \(subject.debugDescription)")
        continue
      }
      #expect(reason.hasPrefix("it has no name that a user could have (certificate /CN=alic"))
    }
    #expect(try names("x", "email:a b,DNS:nas.lan") == ["nas.lan"])
    let many = (0..<100).map { "DNS:host\($0)" }.joined(separator: ",")
    #expect(try names("x", many) == (0..<TLSLimits.clientNamesMax).map { "host\($0)" })
  }

  @Test("that is not accepted leaves the connection as it is, and says what is wrong")
  func refused() throws {
    let stranger = try CertificateMaker(directory: fixture.directory, authority: "\(prefix)-strangers")
    let cases = [
      (try identity("late", validity: .expired), "certificate has expired (depth 0, certificate /CN=late)"),
      (try identity("early", validity: .notYet), "certificate is not yet valid (depth 0"),
      (try identity("web", usage: "serverAuth"), "unsuitable certificate purpose (depth 0"),
      (try identity("stranger", of: stranger), "unable to get local issuer certificate (depth 0"),
      (try identity("far", behind: 12), "certificate chain too long (depth 10, "),
    ]
    for version in [TLS1_2_VERSION, TLS1_3_VERSION] {
      let server = try server(version: version)
      for (identity, expected) in cases {
        guard case .refused(let reason) = try shown(identity, server) else {
          Issue.record("accepted: \(identity)")
          continue
        }
        #expect(reason.hasPrefix(expected))
      }
      #expect(try shown(try identity("near", behind: 9), server) == .accepted(names: ["near"]))
      #expect(try shown(nil, server) == ShownCertificate.none)
    }
    // Nobody asked.
    #expect(try shown(cases[0].0, fixture.server()) == nil)
  }

  @Test("is accepted under what the file names, and not under what stands above that")
  func anchors() throws {
    // The device's own certificate, and no authority.
    let pinned = try identity("pinned")
    let server = try server(pinned)
    #expect(try shown(pinned, server) == .accepted(names: ["pinned"]))
    guard case .refused = try shown(try identity("sibling"), server) else {
      Issue.record("another certificate of the same authority was accepted")
      return
    }
  }

  @Test("with a chain of a hundred ends the handshake before anything of it is verified")
  func chainOf100() throws {
    let bomb = try identity("bomb", behind: 99)
    for version in [TLS1_2_VERSION, TLS1_3_VERSION] {
      let pair = try TLSPair(client: client(bomb), server: server(version: version))
      defer { pair.finish() }
      try pair.carry()
      #expect(pair.serverSeen.errors == [.handshakeFailed(reason: "excessive message size")])
      #expect(pair.serverSeen.facts == nil)
    }
  }

  @Test(
    "is shown and verified at each connection: no session that had one goes on",
    arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
  func resumption(version: Int32) throws {
    let server = try server(version: version)
    let good = try client(try identity("good"), resumes: true)
    let late = try client(try identity("late", validity: .expired), resumes: true)
    let nobody = try client(nil, resumes: true)
    for isLater in [false, true] {
      let outcome = try connect(good, server)
      #expect(outcome.shown == .accepted(names: ["good"]) && !outcome.isResumed)
      guard case .refused = try connect(late, server).shown else {
        Issue.record("an expired certificate was accepted")
        return
      }
      // Who has none continues its session, and is nobody there.
      let other = try connect(nobody, server)
      #expect(other.shown == ShownCertificate.none && other.isResumed == isLater)
    }
  }

  @Test("is no part of a session that began without it, nor of one that another configuration began")
  func foreignSessions() throws {
    let (name, now) = ("relay.example.com", Int64(time(nil)))
    func move(from one: TLSContext, to other: TLSContext) throws {
      let session = try #require(one.sessions?.take(for: name, now: now))
      other.sessions?.keep(session, for: name, now: now, heedingDates: true)
    }
    let server = try server()
    let nobody = try client(nil, resumes: true)
    #expect(try connect(nobody, server).shown == ShownCertificate.none)
    let good = try client(try identity("good"), resumes: true)
    try move(from: nobody, to: good)
    let outcome = try connect(good, server)
    #expect(outcome.isResumed && outcome.shown == ShownCertificate.none)
    // After a reload the same files are another context, which knows no ticket of the old one.
    let again = try client(try identity("again"), resumes: true)
    #expect(try connect(again, server).shown == .accepted(names: ["again"]))
    let next = try connect(again, try self.server())
    #expect(!next.isResumed && next.shown == .accepted(names: ["again"]))
  }

  @Test("is not asked for in the name of everybody's authorities, or of none")
  func files() throws {
    let empty = try fixture.write("\(prefix)-none.pem", "\n")
    let one = fixture.read(maker.authority)
    let many = try fixture.write(
      "\(prefix)-many.pem", String(repeating: one, count: TLSLimits.clientAuthoritiesMax + 1))
    #expect(throws: TLSError.unusableFile(path: empty, reason: "it holds no certificate in pem form")) {
      try server(empty)
    }
    #expect(
      throws: TLSError.unusableFile(
        path: many,
        reason: "it holds 21 certificates, more than 20: whoever has one of any of these could log in; take only "
          + "your own authority")
    ) { try server(many) }
    let context = try server()
    #expect(context.clientAuthorities?.source == maker.authority)
    #expect(try #require(context.clientAuthorities?.notAfter) > Int64(time(nil)))
  }
}
