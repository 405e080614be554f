// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc
import TestKit

@testable import TLS

/// Certificates that all tests here share, made once for the process.
struct CertificateFixture: Sendable {
  enum Kind: Sendable { case good, expired, notYet, wildcard, partialWildcard, address }

  struct Failure: Error {
    var description: String
  }

  var directory: String
  var authority: String
  var otherAuthority: String
  var files: [Kind: CertificateMaker.Files]

  static let shared = Result { try CertificateFixture() }

  private init() throws {
    var template = Array("/tmp/postern-tls-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure(description: "no temporary directory") }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let maker = try CertificateMaker(directory: directory)
    authority = maker.authority
    otherAuthority = try CertificateMaker(directory: directory, authority: "other").authority
    files = [
      .good: try maker.makeCertificate("good", names: ["relay.example.com", "localhost"], addresses: ["127.0.0.1"]),
      .expired: try maker.makeCertificate("expired", names: ["relay.example.com"], validity: .expired),
      .notYet: try maker.makeCertificate("not-yet", names: ["relay.example.com"], validity: .notYet),
      .wildcard: try maker.makeCertificate("wildcard", names: ["*.example.com"]),
      .partialWildcard: try maker.makeCertificate("partial", names: ["rel*.example.com"]),
      .address: try maker.makeCertificate("address", names: [], addresses: ["192.0.2.1", "2001:db8::1"]),
    ]
    Self.removeAtExit(directory)
  }

  /// `nonisolated(unsafe)`: written once while the fixture is made, read when the process is about to end.
  private nonisolated(unsafe) static var removed: [String] = []

  private static func removeAtExit(_ directory: String) {
    removed.append(directory)
    atexit {
      for directory in CertificateFixture.removed {
        guard let stream = opendir(directory) else { continue }
        while let entry = readdir(stream) {
          let name = withUnsafeBytes(of: entry.pointee.d_name) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
          }
          if !name.hasPrefix(".") { unlink("\(directory)/\(name)") }
        }
        closedir(stream)
        rmdir(directory)
      }
    }
  }

  func write(_ name: String, _ text: String) throws -> String {
    let path = "\(directory)/\(name)"
    guard let file = fopen(path, "w") else { throw Failure(description: "cannot write \(path)") }
    fputs(text, file)
    fclose(file)
    return path
  }

  func read(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var octets = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&octets, 1, octets.count, file)
    return String(decoding: octets[..<count], as: UTF8.self)
  }

  var good: CertificateMaker.Files { files[.good]! }

  func server(_ kind: Kind = .good) throws -> TLSContext {
    try TLSContext.server(certificate: files[kind]!.certificate, key: files[kind]!.key, minimum: .v12)
  }

  func client() throws -> TLSContext {
    try TLSContext.client(authorities: authority, minimum: .v12)
  }
}
