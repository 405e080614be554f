// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore

@testable import SMTP

extension FuzzTarget {
  /// The octets of BDAT, chunk after chunk: all of them and no others, and the same verdict wherever they are cut.
  static let chunks = FuzzTarget(name: "chunks", octetsMax: 512) { octets in
    var input = FuzzInput(octets)
    let limit = 1 + Int(input.octet())
    let seed = input.octet()
    let count = Int(input.octet() % 8)
    let sizes = (0..<count).map { _ in UInt64(input.octet()) }
    let text = Array(input.rest)
    let whole = ReadChunks([text], sizes, limit: 1 << 20)
    check(ReadChunks(pieces(of: text, by: seed), sizes, limit: limit) == whole, "other content where it is cut")
    check(ReadChunks(pieces(of: text, by: 0), sizes, limit: limit) == whole, "other content octet by octet")
    let content = Array(text.prefix(Int(sizes.reduce(0, +))))
    check(whole.content == content, "not the octets that were announced")
    guard whole.isWhole else { return }
    check(whole.hasNUL == content.contains(0), "NUL: \(whole.hasNUL)")
    check(whole.hasBareLineEnd == !hasProperLineEnds(content), "bare line end: \(whole.hasBareLineEnd)")
  }
}

private struct ReadChunks: Equatable {
  var content: [UInt8] = []
  var isWhole = false
  var hasBareLineEnd = false
  var hasNUL = false

  init(_ pieces: [[UInt8]], _ sizes: [UInt64], limit: Int) {
    var reader = ChunkReader()
    var (buffer, kept) = (ByteBuffer(), ByteBuffer())
    var rest = pieces[...]
    for size in sizes {
      reader.begin(size)
      var isEnded = false
      while !isEnded {
        switch reader.read(&buffer, into: &kept, limit: limit, isDiscarding: false) {
        case .ended: isEnded = true
        case .full:
          check(kept.readableBytes == limit, "full with \(kept.readableBytes) octets")
          take(&kept)
        case .needsInput:
          guard let piece = rest.popFirst() else {
            take(&kept)
            return
          }
          buffer.writeBytes(piece)
        }
      }
    }
    reader.finish()
    take(&kept)
    isWhole = true
    check(reader.octets == UInt64(content.count), "\(reader.octets) counted of \(content.count)")
    (hasBareLineEnd, hasNUL) = (reader.hasBareLineEnd, reader.hasNUL)
  }

  private mutating func take(_ kept: inout ByteBuffer) {
    content += kept.readableBytesView
    kept.clear()
  }
}
