// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import Testing

@testable import SMTP

@Suite("SCRAM-SHA-256, our side")
struct SCRAMClientTests {
  struct Vector: Sendable {
    var name = "user"
    var nonce = "rOprNGfwEbeRWgbNEkqO"
    var binding: SCRAMClient.Binding
    var clientFirst: String
    var serverFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    var clientFinal: String
    var serverFinal: String
  }

  @Test(
    "says what RFC 7677 section 3 says, and what another implementation says where it binds",
    arguments: [
      Vector(
        binding: .none, clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        clientFinal: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
          + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
      Vector(
        binding: .bound(name: "tls-exporter", data: Array(0..<32)),
        clientFirst: "p=tls-exporter,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        clientFinal: "c=cD10bHMtZXhwb3J0ZXIsLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f,"
          + "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=QC6CS20quADQRb3mT99YUH+n3VJxUvzuK0K0E1Vrs2M=",
        serverFinal: "v=2GiAgapEppLVlUXbxUDksL3VgYHzuqiK5tR4mhJGgvs="),
      Vector(
        name: "us=er,", nonce: "AQID",
        binding: .bound(name: "tls-server-end-point", data: [UInt8](repeating: 255, count: 32)),
        clientFirst: "p=tls-server-end-point,,n=us=3Der=2C,r=AQID",
        serverFirst: "r=AQIDxyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        clientFinal: "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCws//////////////////////////////////////////8=,"
          + "r=AQIDxyz,p=64Bgcwn1DWZ/FeFJkLQoxDtvzVXNu4xodq3zoRptHo4=",
        serverFinal: "v=wdZ6z8LS0CQNUtlL9pTeModPNAhkzZapud4LEkJkEKw="),
    ])
  func vectors(_ vector: Vector) throws {
    var client = SCRAMClient(
      name: vector.name, password: Secret("pencil"), nonce: vector.nonce, binding: vector.binding)
    #expect(client.clientFirst == vector.clientFirst)
    let derivation = try client.received(serverFirst: vector.serverFirst)
    #expect(client.derived(derivation.run()) == vector.clientFinal)
    #expect(!client.isProved)
    try client.received(serverFinal: vector.serverFinal)
    #expect(client.isProved)
  }

  @Test(
    "takes no first message that is another's, cheap, ruinous or not understood",
    arguments: [
      ("r=AQIDx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1", SCRAMClient.Fault.iterations),
      ("r=AQIDx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095", .iterations),
      ("r=AQIDx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000000000", .iterations),
      ("r=AQIDx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999999999999", .iterations),
      ("r=AQIDx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-4096", .iterations),
      ("r=AQID,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", .nonce), ("r=BQIDx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", .nonce),
      ("m=x,r=AQIDx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", .malformed), ("r=AQIDx,s=,i=4096", .malformed),
      ("r=AQIDx,s=?,i=4096", .malformed), ("r=AQIDx", .malformed), ("", .malformed), ("e=other-error", .malformed),
    ])
  func serverFirst(message: String, fault: SCRAMClient.Fault) {
    var client = SCRAMClient(name: "user", password: Secret("pencil"), nonce: "AQID", binding: .none)
    #expect(throws: fault) { try client.received(serverFirst: message) }
  }

  @Test(
    "is proved by nothing but the signature",
    arguments: [
      ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", SCRAMClient.Fault.malformed),
      ("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", .signature), ("v=", .signature), ("", .malformed),
      ("e=invalid-proof", .refused(PeerText("invalid-proof"))),
    ])
  func serverFinal(message: String, fault: SCRAMClient.Fault) throws {
    var client = SCRAMClient(name: "user", password: Secret("pencil"), nonce: "rOprNGfwEbeRWgbNEkqO", binding: .none)
    let derivation = try client.received(
      serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    _ = client.derived(derivation.run())
    #expect(throws: fault) { try client.received(serverFinal: message) }
    #expect(!client.isProved)
  }
}
