// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import SMTP

/// What a hostile client or upstream can send without end has one.
@Suite struct SessionBoundsTests {
  static func session() -> ServerSession {
    ServerSession(
      policy: ServerPolicy(hostname: "gate.test", offersTLS: false, messageOctetsMax: 1_000_000, recipientsMax: 100),
      rights: ClientRights(mayOmitLogin: true, mayOmitTLS: true), isTLS: false)
  }

  /// Sends text in pieces; returns what was said and whether the session is closed.
  static func say(_ text: String, piece: Int, to session: inout ServerSession) -> (said: String, isClosed: Bool) {
    var input = ByteBuffer()
    var output = ByteBuffer()
    let octets = Array(text.utf8)
    var isClosed = false
    for start in stride(from: 0, to: octets.count, by: piece) where !isClosed {
      input.writeBytes(octets[start..<min(start + piece, octets.count)])
      loop: while true {
        switch session.received(&input, into: &output) {
        case .wait: break loop
        case .close:
          isClosed = true
          break loop
        case .store: session.stored()
        case .commit: session.committed("ID", into: &output)
        default: break
        }
      }
      #expect(input.readableBytes <= Limits.authLineOctetsMax + piece)
    }
    return (output.readString(length: output.readableBytes)!, isClosed)
  }

  @Test("the tail of an over-long line is never executed", arguments: [1, 7, 512, 2_047, 2_048, 2_049, 4_096, 65_536])
  func overlongLine(piece: Int) {
    var session = Self.session()
    let text = "NOOP " + String(repeating: "x", count: 20_000) + "HELP\r\nNOOP\r\n"
    let (said, isClosed) = Self.say(text, piece: piece, to: &session)
    #expect(said == "500 5.5.2 Line too long\r\n250 2.0.0 OK\r\n")
    #expect(!isClosed)
  }

  @Test("an over-long response ends a login, and what stands behind it is a command", arguments: [1, 4_096, 65_536])
  func overlongResponse(piece: Int) {
    var session = ServerSession(
      policy: ServerPolicy(hostname: "gate.test", offersTLS: false, messageOctetsMax: 1_000, recipientsMax: 1),
      rights: ClientRights(), isTLS: true)
    _ = Self.say("EHLO client.example\r\n", piece: piece, to: &session)
    let text = "AUTH PLAIN\r\n\(String(repeating: "A", count: 13_000))\r\nNOOP\r\nAUTH LOGIN\r\n*\r\n"
    let (said, isClosed) = Self.say(text, piece: piece, to: &session)
    let codes = said.split(separator: "\r\n").map { $0.prefix(3) }
    #expect(codes == ["334", "500", "250", "334", "501"] && !isClosed)
  }

  @Test("a line without end closes the connection, in bounded memory")
  func endlessLine() {
    var session = Self.session()
    let (said, isClosed) = Self.say(String(repeating: "y", count: 200_000), piece: 4_096, to: &session)
    #expect(said == "421 4.7.0 Line far too long\r\n")
    #expect(isClosed)
  }

  @Test("a flood of commands that move no mail ends")
  func idleCommands() {
    var session = Self.session()
    let (said, isClosed) = Self.say(String(repeating: "NOOP\r\n", count: 2_000), piece: 600, to: &session)
    #expect(said.hasSuffix("421 4.7.0 Too many commands without mail\r\n"))
    #expect(isClosed)
  }

  @Test("bare CR, bare LF and NUL in a command are one error each", arguments: ["NOOP\rRSET", "NOOP\nRSET", "NOOP \0"])
  func controls(line: String) {
    var session = Self.session()
    #expect(Self.say(line + "\r\n", piece: 3, to: &session).said == "500 5.5.2 Control characters in a command\r\n")
  }

  @Test(
    "content is handed over in bounded chunks and comes out as it went in",
    arguments: [1, 1_000, 65_535, 65_536, 200_000])
  func chunks(octets: Int) {
    var session = Self.session()
    var input = ByteBuffer(string: "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
    let line = String(repeating: "z", count: 70) + "\r\n"
    let content = String(repeating: line, count: octets / 72 + 1)
    input.writeString(content + ".\r\n")
    var output = ByteBuffer()
    var stored = ByteBuffer()
    loop: while true {
      switch session.received(&input, into: &output) {
      case .store(var chunk):
        #expect(chunk.readableBytes <= Limits.chunkOctetsMax)
        stored.writeBuffer(&chunk)
        session.stored()
      case .commit(let envelope, var last):
        #expect(envelope.recipients.map(\.text) == ["c@d"])
        stored.writeBuffer(&last)
        session.committed("ID", into: &output)
        break loop
      default: break loop
      }
    }
    #expect(stored.readString(length: stored.readableBytes) == content)
  }

  @Test("an upstream's reply without end is an error, not memory")
  func endlessReply() {
    for flood in [String(repeating: "250-x\r\n", count: 1_000), String(repeating: "2", count: 100_000)] {
      var session = ClientSession(policy: ClientPolicy(hostname: "gate.test", security: .none, login: nil), nonce: [])
      var input = ByteBuffer(string: "220 hi\r\n" + flood)
      var output = ByteBuffer()
      let action = session.received(&input, into: &output)
      guard case .failed(let trouble, []) = action else {
        Issue.record("got \(action)")
        continue
      }
      #expect(trouble.kind == .broken)
    }
  }
}
