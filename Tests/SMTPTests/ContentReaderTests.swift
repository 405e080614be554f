// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import SMTP

@Suite struct ContentReaderTests {
  struct Outcome: Equatable {
    var content = ""
    var ended = false
    var rest = ""
    var hasBareLineEnd = false
    var hasNUL = false
  }

  /// Reads the pieces one after the other, with room for `limit` octets at a time.
  static func read(_ pieces: [some StringProtocol], limit: Int = 65_536) -> Outcome {
    var reader = ContentReader()
    var outcome = Outcome()
    var input = ByteBuffer()
    var content = ByteBuffer()
    for piece in pieces {
      input.writeString(String(piece))
      reading: while !outcome.ended {
        switch reader.read(&input, into: &content, limit: limit, isDiscarding: false) {
        case .needsInput: break reading
        case .full:
          #expect(content.readableBytes <= limit)
          outcome.content += content.readString(length: content.readableBytes)!
        case .ended: outcome.ended = true
        }
      }
    }
    outcome.content += content.readString(length: content.readableBytes)!
    outcome.rest = input.readString(length: input.readableBytes)!
    outcome.hasBareLineEnd = reader.hasBareLineEnd
    outcome.hasNUL = reader.hasNUL
    return outcome
  }

  @Test(
    "only CRLF.CRLF ends the data",
    arguments: [
      (".\r\n", Outcome(ended: true)),
      ("a\r\n.\r\nQUIT\r\n", Outcome(content: "a\r\n", ended: true, rest: "QUIT\r\n")),
      ("..\r\n...\r\n.x\r\n.\r\n", Outcome(content: ".\r\n..\r\nx\r\n", ended: true)),
      ("a\n.\n.\r\n", Outcome(content: "a\n.\n.\r\n", hasBareLineEnd: true)),
      ("a\n.\r\nb\r\n.\r\n", Outcome(content: "a\n.\r\nb\r\n", ended: true, hasBareLineEnd: true)),
      ("a\r.\rb\r\n.\r\n", Outcome(content: "a\r.\rb\r\n", ended: true, hasBareLineEnd: true)),
      ("a\r\n.\nb\r\n.\r\n", Outcome(content: "a\r\n\nb\r\n", ended: true, hasBareLineEnd: true)),
      ("a\r\n.\r\r\n.\r\n", Outcome(content: "a\r\n\r\r\n", ended: true, hasBareLineEnd: true)),
      ("a\r\n\0.\r\n.\r\n", Outcome(content: "a\r\n\0.\r\n", ended: true, hasNUL: true)),
      ("a\r\n. \r\n.\r\n", Outcome(content: "a\r\n \r\n", ended: true)),
      ("x\r\n\r\n\r\n.\r\n", Outcome(content: "x\r\n\r\n\r\n", ended: true)),
    ])
  func endOfData(stream: String, expected: Outcome) {
    #expect(Self.read([stream]) == expected)
    let octets = Array(stream.unicodeScalars)
    for first in 0...octets.count {
      for second in first...octets.count {
        let pieces = [octets[..<first], octets[first..<second], octets[second...]].map { scalars in
          String(String.UnicodeScalarView(scalars))
        }
        #expect(Self.read(pieces) == expected, "split at \(first) and \(second)")
      }
    }
    for limit in 3...8 { #expect(Self.read([stream], limit: limit) == expected, "in chunks of \(limit)") }
  }

  @Test("what DotStuffing writes, ContentReader reads", arguments: 1...40)
  func roundTrip(step: Int) {
    var text = ""
    for line in 0..<40 {
      text += String(repeating: ".", count: line % 4) + String(repeating: "x", count: line * step % 7) + "\r\n"
    }
    var stuffing = DotStuffing()
    var wire = ByteBuffer()
    let octets = Array(text.utf8)
    for start in stride(from: 0, to: octets.count, by: step) {
      stuffing.write(octets[start..<min(start + step, octets.count)], into: &wire)
    }
    stuffing.end(into: &wire)
    let outcome = Self.read([wire.readString(length: wire.readableBytes)!])
    #expect(outcome == Outcome(content: text, ended: true))
  }

  @Test("a last line without an end gets one before the dot")
  func unendedLine() {
    var stuffing = DotStuffing()
    var wire = ByteBuffer()
    stuffing.write(Array(".x".utf8), into: &wire)
    stuffing.end(into: &wire)
    #expect(wire.readString(length: wire.readableBytes) == "..x\r\n.\r\n")
  }
}
