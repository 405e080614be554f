// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import Testing

@testable import SMTP

@Suite("SCRAM-SHA-256, the side of the server")
struct SCRAMServerTests {
  static let verifier = SCRAMVerifier(
    password: Array("pencil".utf8), salt: Base64.decode("W22ZaJ0SNY7soEsUEjb6gQ==".utf8)!, iterations: 4_096)
  static let bindings = ChannelBindings(exporter: Array(0..<32), serverEndPoint: [UInt8](repeating: 255, count: 32))

  @Test("says what RFC 7677 section 3 says")
  func vector() throws {
    var server = try SCRAMServer(clientFirst: Array("n,,n=user,r=rOprNGfwEbeRWgbNEkqO".utf8), isBound: false)
    #expect(server.name == "user")
    let first = try server.found(Self.verifier, nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", bindings: Self.bindings)
    #expect(first == "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    let final =
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    #expect(try server.received(clientFinal: Array(final.utf8)) == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
  }

  /// Both sides of one exchange; nil: the server does not believe the client.
  static func exchange(
    _ name: String, _ password: String, _ binding: SCRAMClient.Binding, isBound: Bool, bindings: ChannelBindings
  ) throws -> Bool? {
    var client = SCRAMClient(name: name, password: Secret(password), nonce: "abc", binding: binding)
    var server = try SCRAMServer(clientFirst: Array(client.clientFirst.utf8), isBound: isBound)
    #expect(server.name == name)
    let derivation = try client.received(
      serverFirst: try server.found(Self.verifier, nonce: "def", bindings: bindings))
    guard let answer = try server.received(clientFinal: Array(client.derived(derivation.run()).utf8)) else {
      return nil
    }
    try client.received(serverFinal: answer)
    return client.isProved
  }

  @Test("both sides believe each other", arguments: ["user", "us=er,", "a@example.org"])
  func both(name: String) throws {
    #expect(try Self.exchange(name, "pencil", .none, isBound: false, bindings: Self.bindings) == true)
    for bound in ["tls-exporter", "tls-server-end-point"] {
      let binding = SCRAMClient.Binding.bound(name: bound, data: Self.bindings[bound]!)
      #expect(try Self.exchange(name, "pencil", binding, isBound: true, bindings: Self.bindings) == true)
    }
  }

  @Test("a wrong password, and a login bound to another connection, are not believed")
  func wrong() throws {
    #expect(try Self.exchange("user", "pencils", .none, isBound: false, bindings: Self.bindings) == nil)
    let other = SCRAMClient.Binding.bound(name: "tls-exporter", data: [UInt8](repeating: 7, count: 32))
    #expect(try Self.exchange("user", "pencil", other, isBound: true, bindings: Self.bindings) == nil)
  }

  @Test("what does not fit the mechanism is a fault before any name is looked at")
  func bindingFaults() {
    func fault(_ first: String, isBound: Bool) -> SCRAMServer.Fault? {
      do throws(SCRAMServer.Fault) {
        var server = try SCRAMServer(clientFirst: Array(first.utf8), isBound: isBound)
        _ = try server.found(Self.verifier, nonce: "x", bindings: ChannelBindings(serverEndPoint: [1]))
        return nil
      } catch {
        return error
      }
    }
    #expect(fault("y,,n=user,r=abc", isBound: false) == .bindingMismatch)
    #expect(fault("n,,n=user,r=abc", isBound: true) == .bindingMismatch)
    #expect(fault("p=tls-exporter,,n=user,r=abc", isBound: false) == .bindingMismatch)
    #expect(fault("p=tls-exporter,,n=user,r=abc", isBound: true) == .bindingUnknown(PeerText("tls-exporter")))
    #expect(fault("p=tls-unique,,n=user,r=abc", isBound: true) == .bindingUnknown(PeerText("tls-unique")))
    #expect(fault("p=tls-server-end-point,,n=user,r=abc", isBound: true) == nil)
    #expect(fault("n,a=user,n=user,r=abc", isBound: false) == nil)
    #expect(fault("n,a=root,n=user,r=abc", isBound: false) == .authorization)
    for malformed in [
      "", "n", "n,,", "n,,n=user", "n,,r=abc,n=user", "n,,n=,r=abc", "n,,n=user,r=", "n,,m=x,n=user,r=abc",
      "n,b=x,n=user,r=abc",
      "n,,n=us=er,r=abc", "n,,n=us=3,r=abc", "q,,n=user,r=abc", "n,,n=us\u{1}er,r=abc",
    ] {
      #expect(fault(malformed, isBound: false) == .malformed, "\(malformed)")
    }
  }

  @Test(
    "a last message that is not the one expected shows nothing",
    arguments: [
      ("c=biws,r=abcdef", true), ("c=biws,r=abcdef,p=", true), ("r=abcdef,c=biws,p=AAAA", true), ("", true),
      ("c=eSws,r=abcdef,p=\(String(repeating: "A", count: 43))=", false),
      ("c=biws,r=abcxyz,p=\(String(repeating: "A", count: 43))=", false),
      ("c=biws,r=abcdef,x=1,p=\(String(repeating: "A", count: 43))=", false),
      ("c=biws,r=abcdef,p=\(String(repeating: "A", count: 43))=", false),
    ])
  func finals(message: String, isMalformed: Bool) throws {
    var server = try SCRAMServer(clientFirst: Array("n,,n=user,r=abc".utf8), isBound: false)
    _ = try server.found(Self.verifier, nonce: "def", bindings: Self.bindings)
    if isMalformed {
      #expect(throws: SCRAMServer.Fault.malformed) { try server.received(clientFinal: Array(message.utf8)) }
    } else {
      #expect(try server.received(clientFinal: Array(message.utf8)) == nil)
    }
  }
}
