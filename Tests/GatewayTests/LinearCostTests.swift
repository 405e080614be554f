// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import TestKit
import Testing

@testable import SMTP

/// Inputs are far longer than the limits of the dialogue let them become: what is linear there is cheap below.
@Suite("Twice as much from a peer takes about twice the time")
struct LinearCostTests {
  struct Work: Sendable, CustomStringConvertible {
    let description: String
    /// Where the input is so many things, not octets.
    var first = 1_024
    let prepare: @Sendable (Int) -> () -> Void
  }

  @Test("of commands, content, replies and logins", arguments: works)
  func linear(_ work: Work) {
    #expect(Doubling.ratio(from: work.first, work.prepare) < Doubling.ratioMax)
  }

  private static let works =
    [
      command("parameters without end", "MAIL FROM:<a@b.example>") { " A\($0)=1" },
      command("one parameter again and again", "RCPT TO:<a@b.example>") { _ in " NOTIFY=NEVER" },
      command("a source route", "RCPT TO:<") { _ in "@a.example," },
      command("literals in a source route", "RCPT TO:<") { _ in "@[192.0.2.1]," },
      command("open brackets", "RCPT TO:<@") { _ in "[" }, command("quotes", "RCPT TO:<\"") { _ in "\\\"" },
      command("dots", "MAIL FROM:<") { _ in "a." }, command("spaces", "NOOP ") { _ in " " },
      command("events", "RCPT TO:<a@b.example> NOTIFY=") { _ in "DELAY," },
      command("xtext", "MAIL FROM:<a@b.example> AUTH=") { _ in "+41" },
      command("words of a login", "AUTH PLAIN") { _ in " A" }, command("digits", "BDAT 1") { _ in "0" },
      command("a name", "EHLO ") { _ in "a" }, command("signs that end nothing", "MAIL FROM:<") { _ in "<>" },
      text("an IPv6 address", "IPv6:", "1:") { _ = AddressLiteral.isValid($0) },
      text("an IPv6 address without groups", "IPv6:", "::") { _ = AddressLiteral.isValid($0) },
      text("xtext of Unicode", "", "\\x{4E2D}") { _ = Xtext.decodedUnicode($0) },
      text("xtext that is not closed", "", "\\x{") { _ = Xtext.decodedUnicode($0) },
      text("characters beyond ASCII", "", "ü") { _ = Xtext.decodedUnicode(Xtext.embedded($0)) },
      text("a client's first message of SCRAM", "n,,n=a", "=2C") {
        _ = try? SCRAMServer(clientFirst: Array("\($0),r=x".utf8), isBound: false)
      },
      text("commas of SCRAM", "n,,n=a,r=", ",") { _ = try? SCRAMServer(clientFirst: Array($0.utf8), isBound: false) },
      text("base64", "", "QUJD") { _ = Base64.decode($0.utf8) },
      text("an upstream that repeats our password", "", "s3cr") { text in
        _ = Redaction(ClientLogin(name: "a", password: Secret("s3cr"))).apply(Array(text.utf8)[...])
      },
      text("an upstream that almost repeats it", "", "s3c") { text in
        _ = Redaction(ClientLogin(name: "a", password: Secret("s3cret"))).apply(Array(text.utf8)[...])
      },
      stream("lines of nothing", "\r\n") { lines($0, size: 100) },
      stream("bare line feeds", "\n") { lines($0, size: 40) },
      stream("a line without end", "a") { lines($0, size: 1_000) },
      stream("dots", ".\r\n.") { content($0, size: 100) },
      stream("content octet by octet", "\r\n.a") { content($0, size: 1) },
      stream("line feeds to mend", "\n") { content($0, size: 4_096, mends: true) },
      stream("carriage returns", "\r") { content($0, size: 4_096) },
      stream("replies", "250-x\r\n250 x\r\n") { replies($0) },
      Work(description: "recipients with wishes", first: 8_192) { count in
        let lines = (0..<count).map { "RCPT TO:<r\($0)@b.example> NOTIFY=DELAY ORCPT=rfc822;r\r\n" }.joined()
        return { converse("MAIL FROM:<a@b.example>\r\n\(lines)") }
      },
      Work(description: "one recipient again and again", first: 64) { count in
        let lines = String(
          repeating: "RCPT TO:<r@b.example> NOTIFY=DELAY\r\nRSET\r\nMAIL FROM:<>\r\n", count: count / 8)
        return { converse("MAIL FROM:<a@b.example>\r\n\(lines)") }
      },
      Work(description: "messages in one flight", first: 64) { count in
        let message = "MAIL FROM:<>\r\nRCPT TO:<r@b.example>\r\nDATA\r\na: b\r\n\r\n.\r\n"
        let text = String(repeating: message, count: count)
        return { converse(text) }
      },
    ]

  // MARK: inputs

  private static func command(
    _ description: String, _ begin: String, _ piece: @escaping @Sendable (Int) -> String
  ) -> Work {
    Work(description: description) { count in
      let line = Array((begin + (0..<count).map(piece).joined()).utf8)
      return { _ = try? Command.parse(line[...], isUTF8: true) }
    }
  }

  private static func text(
    _ description: String, _ begin: String, _ piece: String, _ read: @escaping @Sendable (String) -> Void
  ) -> Work {
    Work(description: description) { count in
      let text = begin + String(repeating: piece, count: count)
      return { read(text) }
    }
  }

  private static func stream(
    _ description: String, _ piece: String, _ read: @escaping @Sendable ([UInt8]) -> Void
  ) -> Work {
    Work(description: description) { count in
      let octets = Array(String(repeating: piece, count: count).utf8)
      return { read(octets) }
    }
  }

  // MARK: readers

  private static func feed(_ octets: [UInt8], size: Int, _ read: (inout ByteBuffer) -> Void) {
    var buffer = ByteBuffer()
    for start in stride(from: 0, to: octets.count, by: size) {
      buffer.writeBytes(octets[start..<min(octets.count, start + size)])
      read(&buffer)
    }
  }

  private static func lines(_ octets: [UInt8], size: Int) {
    var reader = LineReader()
    feed(octets, size: size) { buffer in
      while reader.next(&buffer, limit: Limits.commandLineOctetsMax) != .needsInput {}
    }
  }

  private static func content(_ octets: [UInt8], size: Int, mends: Bool = false) {
    var reader = ContentReader(mendsLineEnds: mends)
    var kept = ByteBuffer()
    feed(octets, size: size) { buffer in
      while reader.read(&buffer, into: &kept, limit: Limits.chunkOctetsMax, isDiscarding: false) == .full {
        kept.clear()
      }
    }
  }

  private static func replies(_ octets: [UInt8]) {
    var reader = ReplyReader(Redaction(nil))
    feed(octets, size: 100) { buffer in
      while (try? reader.next(&buffer)) != nil {}
    }
  }

  private static func converse(_ text: String) {
    var session = ServerSession(
      policy: ServerPolicy(hostname: "gate.test", offersTLS: false, messageOctetsMax: 1_000, recipientsMax: 1 << 22),
      rights: ClientRights(mayOmitLogin: true, mayOmitTLS: true), isTLS: false)
    var (input, output) = (ByteBuffer(string: "EHLO x\r\n\(text)"), ByteBuffer())
    while true {
      switch session.received(&input, into: &output) {
      case .commit: session.committed("7KQ2M9XF4", into: &output)
      case .store: session.stored()
      case .wait, .close: return
      default: break
      }
    }
  }
}
