// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore

@testable import SMTP

extension FuzzTarget {
  /// Lines come out the same however the octets are cut, and are those of a reader that has all of them before it.
  static let lines = FuzzTarget(name: "lines", octetsMax: 512) { octets in
    var input = FuzzInput(octets)
    let limit = 10 + Int(input.octet())
    let seed = input.octet()
    let whole = outcomes([Array(input.rest)], limit: limit)
    check(outcomes(pieces(of: input.rest, by: seed), limit: limit) == whole, "another line where it is cut")
    check(outcomes(pieces(of: input.rest, by: 0), limit: limit) == whole, "another line octet by octet")
    check(simple(Array(input.rest), limit: limit) == whole, "not the lines that there are")
  }

  private static func outcomes(_ pieces: [[UInt8]], limit: Int) -> [LineReader.Outcome] {
    var reader = LineReader()
    var buffer = ByteBuffer()
    var outcomes: [LineReader.Outcome] = []
    for piece in pieces {
      buffer.writeBytes(piece)
      while true {
        let outcome = reader.next(&buffer, limit: limit)
        if outcome == .needsInput { break }
        outcomes.append(outcome)
      }
      check(buffer.readableBytes <= limit, "keeps \(buffer.readableBytes) octets, and may keep \(limit)")
    }
    return outcomes
  }

  private static func simple(_ octets: [UInt8], limit: Int) -> [LineReader.Outcome] {
    var outcomes: [LineReader.Outcome] = []
    var line: [UInt8] = []
    for octet in octets {
      line.append(octet)
      guard line.suffix(2) == [0x0D, 0x0A] else { continue }
      outcomes.append(line.count <= limit ? .line(line.dropLast(2)) : .tooLong(line.prefix(9)))
      line = []
    }
    return outcomes
  }
}
