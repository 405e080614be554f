// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import Testing

@testable import TLS

@Suite("What a login is bound to")
struct BindingTests {
  let fixture: CertificateFixture

  init() throws {
    fixture = try CertificateFixture.shared.get()
  }

  private func handler(_ pair: TLSPair, isClient: Bool) throws -> TLSHandler {
    try (isClient ? pair.client : pair.server).pipeline.syncOperations.handler(type: TLSHandler.self)
  }

  @Test("is the same on both sides of one connection, and another on the next")
  func exporter() throws {
    var seen: Set<[UInt8]> = []
    for _ in 0..<2 {
      let pair = try TLSPair(client: fixture.client(), server: fixture.server())
      defer { pair.finish() }
      #expect(try handler(pair, isClient: true).exporterBinding == nil)
      try pair.carry()
      let ours = try #require(try handler(pair, isClient: true).exporterBinding)
      #expect(ours.count == 32)
      #expect(try handler(pair, isClient: false).exporterBinding == ours)
      seen.insert(ours)
    }
    #expect(seen.count == 2)
  }

  @Test("is the server's certificate with every version of TLS, and nothing else below 1.3", arguments: [true, false])
  func serverEndPoint(isOld: Bool) throws {
    let client = try fixture.client()
    if isOld { cossl_ctx_set_max_proto_version(client.pointer, TLS1_2_VERSION) }
    let pair = try TLSPair(client: client, server: fixture.server())
    defer { pair.finish() }
    try pair.carry()
    #expect(try handler(pair, isClient: true).serverEndPointBinding == digest(of: fixture.good.certificate))
    #expect(try (handler(pair, isClient: true).exporterBinding == nil) == isOld)
    #expect(try handler(pair, isClient: false).serverEndPointBinding == digest(of: fixture.good.certificate))
  }

  /// SHA-256, by which these certificates are signed.
  private func digest(of path: String) throws -> [UInt8] {
    let certificate = try CredentialFile(path: path).certificates()[0]
    defer { X509_free(certificate) }
    var hash = [UInt8](repeating: 0, count: 32)
    X509_digest(certificate, EVP_sha256(), &hash, nil)
    return hash
  }
}
