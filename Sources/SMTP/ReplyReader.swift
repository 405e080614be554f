// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

import struct NIOCore.ByteBuffer

/// A reply of an upstream with its lines, which the EHLO answer needs one by one.
struct ReceivedReply: Equatable, Sendable {
  var reply: Reply
  var lines: [PeerText]
  /// What stands behind a `334`, for the login alone: it is neither cut nor redacted, and must not be shown.
  var challenge: [UInt8] = []
}

/// Collects the lines of an upstream's replies (RFC 5321 section 4.2.1). Whatever is no reply, or has no end within
/// bounds, is a broken peer.
struct ReplyReader: Sendable {
  private var code = 0
  private var status: EnhancedStatus?
  private var lines: [PeerText] = []
  private var octets = 0
  private let redaction: Redaction
  private static let challengePrefix = Array("334 ".utf8)

  init(_ redaction: Redaction) {
    self.redaction = redaction
  }

  /// The next whole reply; nil if more input is needed. A fault names what is wrong with the peer.
  mutating func next(_ input: inout ByteBuffer) throws(ReplyFault) -> ReceivedReply? {
    while let length = Self.lineLength(input) {
      guard length <= Limits.replyLineOctetsMax else { throw .tooLong }
      var line = input.readBytes(length: length)![...]
      line = line.dropLast(line.dropLast().last == 0x0D ? 2 : 1)
      octets += length
      let challenge = line.starts(with: Self.challengePrefix) ? Array(line.dropFirst(4)) : []
      line = redaction.apply(line)
      guard octets <= Limits.replyOctetsMax, lines.count < Limits.replyLinesMax else { throw .tooLong }
      if try take(line) {
        defer { startAnew() }
        let text = lines.count == 1 ? lines[0] : PeerText(lines.map(\.text).joined(separator: " "))
        return ReceivedReply(reply: Reply(code, status, text), lines: lines, challenge: challenge)
      }
    }
    guard input.readableBytes <= Limits.replyLineOctetsMax else { throw .tooLong }
    return nil
  }

  private mutating func startAnew() {
    (code, status, lines, octets) = (0, nil, [], 0)
  }

  /// true: it was the last line.
  private mutating func take(_ line: ArraySlice<UInt8>) throws(ReplyFault) -> Bool {
    guard let code = Self.code(line), lines.isEmpty || code == self.code else { throw Self.malformed(line) }
    self.code = code
    var rest = line.dropFirst(3)
    let isLast: Bool
    switch rest.first {
    case UInt8(ascii: "-"): isLast = false
    case UInt8(ascii: " "), nil: isLast = true
    default: throw Self.malformed(line)
    }
    rest = rest.dropFirst()
    let word = rest.prefix { $0 != 0x20 }
    // RFC 2034 section 3: the class equals the first digit of the reply; a code that disagrees is text.
    if let found = EnhancedStatus(octets: word), Int(found.class) == code / 100 {
      if lines.isEmpty { status = found }
      rest = rest[word.endIndex...].dropFirst()
    }
    lines.append(PeerText(octets: rest))
    return isLast
  }

  /// The three digits at its beginning; nil if there are none, or the first one is not that of a reply.
  private static func code(_ line: ArraySlice<UInt8>) -> Int? {
    var code = 0
    for octet in line.prefix(3) {
      guard (0x30...0x39).contains(octet) else { return nil }
      code = code * 10 + Int(octet - 0x30)
    }
    return (200...599).contains(code) ? code : nil
  }

  private static func malformed(_ line: ArraySlice<UInt8>) -> ReplyFault {
    .malformed(PeerText(octets: line.prefix(80)))
  }

  private static func lineLength(_ input: ByteBuffer) -> Int? {
    input.withUnsafeReadableBytes { octets in
      guard let base = octets.baseAddress, let found = memchr(base, 0x0A, octets.count) else { return nil }
      return UnsafeRawPointer(found) - base + 1
    }
  }
}

/// How an upstream broke the protocol.
enum ReplyFault: Error, Equatable {
  case malformed(PeerText)
  case tooLong

  var text: PeerText {
    switch self {
    case .malformed(let line): PeerText("not an SMTP reply: \(line)")
    case .tooLong: PeerText("reply without end")
    }
  }
}
