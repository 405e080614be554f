// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import SMTP

/// Long content is looked at many octets at a time, short content line by line: octet for octet it must come to the same.
@Suite struct PlainContentTests {
  private struct Outcome: Equatable {
    var content: [UInt8] = []
    var ended = false
    var rest: [UInt8] = []
    var isBare = false
    var isMended = false
    var hasNUL = false
  }

  /// A linear congruence of Knuth's, so that the same seed is the same text.
  private struct Numbers {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
  }

  private static func read(_ octets: [UInt8], piece: Int, mending: Bool) -> Outcome {
    var reader = ContentReader(mendsLineEnds: mending)
    var outcome = Outcome()
    var input = ByteBuffer()
    var content = ByteBuffer()
    for start in stride(from: 0, to: octets.count, by: piece) {
      input.writeBytes(octets[start..<min(start + piece, octets.count)])
      reading: while !outcome.ended {
        switch reader.read(&input, into: &content, limit: 1_000, isDiscarding: false) {
        case .needsInput: break reading
        case .full: outcome.content += content.readBytes(length: content.readableBytes)!
        case .ended: outcome.ended = true
        }
      }
    }
    outcome.content += content.readBytes(length: content.readableBytes)!
    outcome.rest = input.readBytes(length: input.readableBytes)!
    (outcome.isBare, outcome.isMended, outcome.hasNUL) =
      (reader.hasBareLineEnd, reader.hasMendedLineEnd, reader.hasNUL)
    return outcome
  }

  private static func chunk(_ octets: [UInt8], piece: Int) -> [Bool] {
    var reader = ChunkReader()
    var content = ByteBuffer()
    for start in stride(from: 0, to: octets.count, by: piece) {
      let part = octets[start..<min(start + piece, octets.count)]
      var input = ByteBuffer(bytes: part)
      reader.begin(UInt64(part.count))
      while reader.read(&input, into: &content, limit: 1_000, isDiscarding: false) == .full { content.clear() }
    }
    reader.finish()
    return [reader.hasBareLineEnd, reader.hasNUL]
  }

  /// Long lines and long stretches of lines, with one thing or another among them that is none of both.
  private static func text(_ numbers: inout Numbers) -> [UInt8] {
    let oddities = ["\r", "\n", "\0", ".", "\r\n.", "\r\n..\r\n", "\n.\r\n", "\r\n\r\n", "\r\r\n", "\r\n.\r", "\u{85}"]
    var octets: [UInt8] = []
    for _ in 0..<numbers.below(6) {
      let width = numbers.below(200) + 1
      for place in 0..<numbers.below(400) {
        octets += place % width == width - 1 ? [0x0D, 0x0A] : [UInt8(ascii: "a") + UInt8(place % 26)]
      }
      if numbers.below(2) == 0 {
        octets += Array(oddities[numbers.below(oddities.count)].utf8)
      }
    }
    return octets + Array("\r\n.\r\nQUIT\r\n".utf8)
  }

  @Test("in pieces of any size, long content is read as it is octet by octet", arguments: 0..<40)
  func pieces(seed: UInt64) {
    var numbers = Numbers(state: seed)
    for _ in 0..<10 {
      let octets = Self.text(&numbers)
      for mending in [false, true] {
        let expected = Self.read(octets, piece: 1, mending: mending)
        for piece in [63, 65, 66, 128, 130, 257, octets.count] {
          #expect(Self.read(octets, piece: piece, mending: mending) == expected, "in pieces of \(piece): \(octets)")
        }
      }
      let expected = Self.chunk(octets, piece: 1)
      for piece in [65, 130, octets.count] { #expect(Self.chunk(octets, piece: piece) == expected, "\(octets)") }
    }
  }
}
