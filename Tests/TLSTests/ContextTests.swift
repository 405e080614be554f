// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import Glibc
import TestKit
import Testing

@testable import TLS

@Suite struct ContextTests {
  let fixture: CertificateFixture

  init() throws {
    fixture = try CertificateFixture.shared.get()
  }

  @Test("A certificate or key that cannot be used is named with its fault")
  func faults() throws {
    let good = fixture.good
    let text = fixture.read(good.certificate)
    let empty = try fixture.write("empty.pem", "")
    let prose = try fixture.write("prose.pem", "this is not a certificate\n")
    let damaged = try fixture.write(
      "damaged.pem",
      text.split(separator: "\n").enumerated()
        .map { $0.offset == 3 ? "????" : String($0.element) }.joined(separator: "\n"))
    let second = try fixture.write("second.pem", text + fixture.read(damaged))
    let cut = try fixture.write("cut.pem", String(text.prefix(text.count / 2)))
    let encrypted = try encryptedKey()
    let missing = "\(fixture.directory)/missing.pem"
    let cases: [(certificate: String, key: String, path: String, reason: String)] = [
      (missing, good.key, missing, "no such file or directory"),
      (good.certificate, missing, missing, "no such file or directory"),
      (fixture.directory, good.key, fixture.directory, "it is not a regular file"),
      (empty, good.key, empty, "it holds no certificate in pem form"),
      (prose, good.key, prose, "it holds no certificate in pem form"),
      (good.key, good.key, good.key, "it holds no certificate in pem form"),
      (damaged, good.key, damaged, "certificate 1 in it is damaged (bad base64 decode)"),
      (cut, good.key, cut, "certificate 1 in it is damaged (bad end line)"),
      (second, good.key, second, "certificate 2 in it is damaged (bad base64 decode)"),
      (good.certificate, empty, empty, "it holds no private key in pem form"),
      (good.certificate, good.certificate, good.certificate, "it holds no private key in pem form"),
      (
        good.certificate, encrypted, encrypted,
        "the private key in it is encrypted; store it without a passphrase"
      ),
      (
        good.certificate, fixture.files[.expired]!.key, fixture.files[.expired]!.key,
        "it is not the key of the first certificate in \(good.certificate)"
      ),
    ]
    for (certificate, key, path, reason) in cases {
      #expect(throws: TLSError.unusableFile(path: path, reason: reason)) {
        try TLSContext.server(certificate: certificate, key: key, minimum: .v12)
      }
    }
    // What one attempt leaves in the error queue must not spoil the next.
    #expect(throws: Never.self) { try fixture.server() }
  }

  @Test("An unreadable file is named as such", .disabled(if: geteuid() == 0, "root reads every file"))
  func unreadable() throws {
    let path = try fixture.write("unreadable.pem", fixture.read(fixture.good.certificate))
    chmod(path, 0)
    #expect(throws: TLSError.unusableFile(path: path, reason: "permission denied")) {
      try TLSContext.server(certificate: path, key: fixture.good.key, minimum: .v12)
    }
  }

  @Test("Authorities that cannot be used are named, those of the system are found")
  func authorities() throws {
    let missing = "\(fixture.directory)/missing.pem"
    #expect(throws: TLSError.unusableFile(path: missing, reason: "no such file or directory")) {
      try TLSContext.client(authorities: missing, minimum: .v12)
    }
    let empty = try fixture.write("empty-authorities.pem", "\n")
    #expect(throws: TLSError.unusableFile(path: empty, reason: "it holds no certificate in pem form")) {
      try TLSContext.client(authorities: empty, minimum: .v12)
    }
    let both = try fixture.write(
      "both.pem",
      "# two\n" + fixture.read(fixture.otherAuthority) + fixture.read(fixture.authority)
        + fixture.read(fixture.authority))
    let pair = try TLSPair(client: .client(authorities: both, minimum: .v12), server: fixture.server())
    defer { pair.finish() }
    try pair.carry()
    #expect(pair.clientSeen.facts != nil)
    #expect(try TLSContext.client(authorities: nil, minimum: .v13).notAfter == nil)
  }

  @Test("The end of a certificate's validity is known, and an expired one can still be loaded")
  func notAfter() throws {
    let now = Int64(time(nil))
    let current = try #require(try fixture.server().notAfter)
    #expect((now + 86_000...now + 86_400).contains(current))
    let expired = try #require(try fixture.server(.expired).notAfter)
    #expect((now - 87_000...now - 86_400).contains(expired))
  }

  @Test("Certificate chain and key may stand in one file, and the chain is presented")
  func chain() throws {
    let path = try fixture.write(
      "chain.pem",
      fixture.read(fixture.good.key) + fixture.read(fixture.good.certificate) + fixture.read(fixture.authority))
    let pair = try TLSPair(
      client: fixture.client(), server: .server(certificate: path, key: path, minimum: .v13))
    defer { pair.finish() }
    try pair.carry()
    #expect(pair.clientSeen.facts?.version == "TLSv1.3")
  }

  @Test("Messages are one line of lower case that says what is wrong with what")
  func messages() {
    let errors: [TLSError] = [
      .unusableFile(path: "/a", reason: "b"), .unavailable(reason: "b"), .verificationFailed(reason: "b"),
      .handshakeFailed(reason: "b"), .protocolViolation(reason: "b"), .truncated, .closed,
    ]
    for error in errors {
      let text = "\(error)"
      #expect(text == text.lowercased() && !text.contains("\n") && !text.hasSuffix("."))
    }
    #expect("\(TLSError.unusableFile(path: "/a", reason: "no such file"))" == "cannot use /a: no such file")
  }

  private func encryptedKey() throws -> String {
    let path = "\(fixture.directory)/encrypted.key"
    let key = try #require(cossl_ec_generate("P-256"))
    defer { EVP_PKEY_free(key) }
    let file = try #require(BIO_new_file(path, "w"))
    defer { BIO_free(file) }
    #expect(PEM_write_bio_PrivateKey(file, key, EVP_aes_256_cbc(), Array("secret".utf8), 6, nil, nil) == 1)
    return path
  }
}
