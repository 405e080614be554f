// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore

@testable import SMTP

extension FuzzTarget {
  /// What follows DATA: the same content, verdict and end wherever the octets are cut, those of a reader that looks for
  /// CRLF.CRLF in the whole; and what we send of it comes back as it was.
  static let content = FuzzTarget(name: "content", octetsMax: 512) { octets in
    var input = FuzzInput(octets)
    let limit = 6 + Int(input.octet())
    let seed = input.octet()
    let mends = input.flag()
    let text = Array(input.rest)
    let whole = ReadContent([text], limit: 1 << 20, mends: mends)
    check(ReadContent(pieces(of: text, by: seed), limit: limit, mends: mends) == whole, "other content where it is cut")
    check(ReadContent(pieces(of: text, by: 0), limit: limit, mends: mends) == whole, "other content octet by octet")
    check(ReadContent(simple: text, mends: mends) == whole, "not the content that there is: \(whole)")
    if mends { check(!whole.hasEnd || whole.hasBareLineEnd || hasProperLineEnds(whole.content), "not mended") }
    comesBack(text, by: seed)
  }

  /// The queue holds content with proper line ends; others take whatever end we write for its last line.
  private static func comesBack(_ octets: [UInt8], by seed: UInt8) {
    guard hasProperLineEnds(octets) else { return }
    var stuffing = DotStuffing()
    var sent = ByteBuffer()
    for piece in pieces(of: octets, by: seed) { stuffing.write(piece, into: &sent) }
    stuffing.end(into: &sent)
    let end = octets.isEmpty || octets.last == 0x0A ? [] : [0x0D, 0x0A] as [UInt8]
    let came = ReadContent([Array(sent.readableBytesView)], limit: 1 << 20, mends: false)
    check(came.hasEnd && came.content == octets + end && came.rest.isEmpty, "sent is not what came")
  }
}

private struct ReadContent: Equatable {
  var content: [UInt8] = []
  var rest: [UInt8] = []
  var hasEnd = false
  var hasBareLineEnd = false
  var hasNUL = false

  init(_ pieces: [[UInt8]], limit: Int, mends: Bool) {
    var reader = ContentReader(mendsLineEnds: mends)
    var (buffer, kept) = (ByteBuffer(), ByteBuffer())
    for piece in pieces {
      buffer.writeBytes(piece)
      while !hasEnd {
        let progress = reader.read(&buffer, into: &kept, limit: limit, isDiscarding: false)
        check(kept.readableBytes <= limit, "\(kept.readableBytes) octets kept, and may be \(limit)")
        hasEnd = progress == .ended
        guard progress == .full else { break }
        content += kept.readableBytesView
        kept.clear()
      }
    }
    content += kept.readableBytesView
    rest = Array(buffer.readableBytesView)
    check(!hasEnd || reader.octets == UInt64(content.count), "\(reader.octets) counted of \(content.count)")
    (hasBareLineEnd, hasNUL) = (reader.hasBareLineEnd, reader.hasNUL)
    if !hasEnd { forget() }
  }

  /// RFC 5321 section 4.5.2 on the whole text.
  init(simple text: [UInt8], mends: Bool) {
    let lines = [0x0D, 0x0A] + text
    let mark = Array("\r\n.\r\n".utf8)
    guard let end = (0..<lines.count).first(where: { lines[$0...].starts(with: mark) }) else { return }
    hasEnd = true
    rest = Array(lines[(end + 5)...])
    for index in 2..<max(2, end + 2) {
      let octet = lines[index]
      let follows = lines[index - 1]
      if octet == 0x2E, follows == 0x0A, lines[index - 2] == 0x0D { continue }
      if octet == 0 { hasNUL = true }
      if octet == 0x0D, lines[index + 1] != 0x0A { hasBareLineEnd = true }
      if octet == 0x0A, follows != 0x0D {
        if mends { content.append(0x0D) } else { hasBareLineEnd = true }
      }
      content.append(octet)
    }
  }

  /// Before the end only what stays within bounds counts; how much is read of it depends on the cuts.
  private mutating func forget() { self = ReadContent() }

  private init() {}
}
