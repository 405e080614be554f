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
        defer { self = ReplyReader(redaction) }
        let text = PeerText(lines.map(\.text).joined(separator: " "))
        return ReceivedReply(reply: Reply(code, status, text), lines: lines, challenge: challenge)
      }
    }
    guard input.readableBytes <= Limits.replyLineOctetsMax else { throw .tooLong }
    return nil
  }

  /// true: it was the last line.
  private mutating func take(_ line: ArraySlice<UInt8>) throws(ReplyFault) -> Bool {
    let digits = line.prefix(3)
    guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }), (0x32...0x35).contains(digits.first!)
    else { throw .malformed(PeerText(octets: line.prefix(80))) }
    let code = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    guard lines.isEmpty || code == self.code else { throw .malformed(PeerText(octets: line.prefix(80))) }
    self.code = code
    var rest = line.dropFirst(3)
    let isLast: Bool
    switch rest.first {
    case UInt8(ascii: "-"): isLast = false
    case UInt8(ascii: " "), nil: isLast = true
    default: throw .malformed(PeerText(octets: line.prefix(80)))
    }
    rest = rest.dropFirst()
    if let found = Self.status(rest, code: code) {
      if lines.isEmpty { status = found }
      rest = rest.drop { $0 != 0x20 }.dropFirst()
    }
    lines.append(PeerText(octets: rest))
    return isLast
  }

  /// RFC 2034 section 3: the class equals the first digit of the reply; a code that disagrees is text.
  private static func status(_ text: ArraySlice<UInt8>, code: Int) -> EnhancedStatus? {
    let word = text.prefix { $0 != 0x20 }
    guard (5...11).contains(word.count), let status = EnhancedStatus(String(decoding: word, as: UTF8.self)),
      Int(status.class) == code / 100
    else { return nil }
    return status
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
