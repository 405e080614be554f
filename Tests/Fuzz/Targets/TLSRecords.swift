// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import TestKit

@testable import TLS

extension FuzzTarget {
  /// TLS at our side. Octets of somebody who does not know how it goes; or a client that does, with somebody in between
  /// who cuts and changes what he likes: then nobody ever reads what was not written.
  static let tls = FuzzTarget(name: "tls", octetsMax: 1_024) { octets in
    var input = FuzzInput(octets)
    let seed = input.octet()
    if input.flag() { between(&input, seed) } else { feed(input.rest, seed) }
  }

  private static func feed(_ octets: ArraySlice<UInt8>, _ seed: UInt8) {
    guard let server = try? TLSConnection(context: Contexts.server, side: .server) else { return }
    for piece in pieces(of: octets, by: seed) {
      server.receive(ByteBuffer(bytes: piece))
      guard let stands = stands(server) else { break }
      check(!stands, "a handshake of one")
    }
    check(server.takeOutgoing().readableBytes <= octets.count * 16 + 8_192, "says too much")
  }

  private static func between(_ input: inout FuzzInput, _ seed: UInt8) {
    guard let server = try? TLSConnection(context: Contexts.server, side: .server),
      let client = try? TLSConnection(context: Contexts.client, side: .client(serverName: "localhost"))
    else { return }
    let written = Array("EHLO client.example\r\n".utf8)
    var read: [UInt8] = []
    var isWritten = false
    for _ in 0..<12 {
      let clientStands = stands(client)
      if clientStands == nil { break }
      if clientStands == true, !isWritten {
        isWritten = true
        var plaintext = ByteBuffer(bytes: written)
        if (try? client.write(&plaintext)) == nil { break }
      }
      for piece in pieces(of: spoilt(client.takeOutgoing(), &input), by: seed | 0x80) {
        server.receive(ByteBuffer(bytes: piece))
        guard stands(server) == true else { continue }
        var plaintext = ByteBuffer()
        plaintext.reserveCapacity(64)
        _ = server.read(into: &plaintext)
        read += plaintext.readableBytesView
      }
      let answer = spoilt(server.takeOutgoing(), &input)
      if answer.isEmpty, isWritten { break }
      client.receive(ByteBuffer(bytes: answer))
    }
    check(written.starts(with: read), "read is what nobody wrote: \(read)")
  }

  /// nil: it has failed.
  private static func stands(_ connection: TLSConnection) -> Bool? {
    do { return try connection.handshake() != nil } catch { return nil }
  }

  private static func spoilt(_ buffer: ByteBuffer, _ input: inout FuzzInput) -> [UInt8] {
    var octets = Array(buffer.readableBytesView)
    guard !octets.isEmpty else { return [] }
    let place = (Int(input.octet()) << 8 | Int(input.octet())) % octets.count
    switch input.octet() {
    case 1: octets[place] ^= max(1, input.octet())
    case 2: octets.removeSubrange(place..<min(octets.count, place + Int(input.octet()) + 1))
    case 3: octets.insert(input.octet(), at: place)
    case 4: octets += octets[place...]
    default: break
    }
    return octets
  }
}

/// Certificates of this process; the directory goes when they are read.
private enum Contexts {
  static let all: (server: TLSContext, client: TLSContext) = {
    var template = Array("/tmp/postern-fuzz-XXXXXX".utf8CString)
    let directory = String(cString: mkdtemp(&template)!)
    defer {
      for name in ["authority.pem", "gate.pem", "gate.key"] { unlink("\(directory)/\(name)") }
      rmdir(directory)
    }
    do {
      let maker = try CertificateMaker(directory: directory)
      let files = try maker.makeCertificate("gate")
      return (
        try TLSContext.server(certificate: files.certificate, key: files.key, minimum: .v12),
        try TLSContext.client(authorities: maker.authority, minimum: .v12)
      )
    } catch {
      fatalError("no certificates: \(error)")
    }
  }()
  static var server: TLSContext { all.server }
  static var client: TLSContext { all.client }
}
