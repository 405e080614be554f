// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

import struct NIOCore.ByteBuffer

/// Reads what follows DATA up to the line that holds only a dot, and takes the transparency dots away
/// (RFC 5321 section 4.5.2).
///
/// One reader for every listener. The end of data is CRLF.CRLF and nothing else, so no two readers can disagree about
/// where a message ends (SMTP smuggling); content with a bare CR, a bare LF or a NUL is read to that true end and then
/// refused by the session.
struct ContentReader: Equatable, Sendable {
  enum Progress: Equatable {
    /// All input is consumed but for at most two octets that may begin the end of data.
    case needsInput
    /// The content buffer holds `limit` octets.
    case full
    /// The dot line is consumed.
    case ended
  }

  /// A bare LF becomes CRLF, for clients that know no better; it ends no content all the same, and no dot behind it is
  /// taken away, so that everybody still sees the same end.
  let mendsLineEnds: Bool
  private(set) var hasBareLineEnd = false
  private(set) var hasMendedLineEnd = false
  private(set) var hasNUL = false
  /// Octets of content so far, stored or not.
  private(set) var octets: UInt64 = 0
  /// The next octet begins a line, that is, CRLF or the DATA command stands before it.
  private var isAtLineStart = true

  init(mendsLineEnds: Bool = false) {
    self.mendsLineEnds = mendsLineEnds
  }

  /// Moves content from `input` to `content` until `content` holds `limit` octets. With `isDiscarding` the content is
  /// counted, not kept.
  mutating func read(
    _ input: inout ByteBuffer, into content: inout ByteBuffer, limit: Int, isDiscarding: Bool
  ) -> Progress {
    // What is mended may become twice as long.
    let room = isDiscarding ? Int.max : (limit - content.readableBytes) / (mendsLineEnds ? 2 : 1)
    if room <= 0, input.readableBytes > 0 { return .full }
    var consumed = 0
    var kept = 0
    let progress = input.withUnsafeReadableBytes { octets in
      // Only as much as fits is looked at, so nothing has to be put back.
      let window = UnsafeRawBufferPointer(rebasing: octets.prefix(max(room, 0)))
      let isWhole = window.count == octets.count
      let progress = scan(window, consumed: &consumed) { run in
        kept += run.count
        guard !isDiscarding else { return }
        if run.count >= Limits.keptRunOctets, content.readableBytes == 0 {
          content = input.getSlice(
            at: input.readerIndex + (run.baseAddress! - octets.baseAddress!), length: run.count)!
        } else {
          content.writeBytes(run)
        }
      }
      return progress == .needsInput && !isWhole ? .full : progress
    }
    input.moveReaderIndex(forwardBy: consumed)
    octets += UInt64(kept)
    return progress
  }

  private mutating func scan(
    _ octets: UnsafeRawBufferPointer, consumed: inout Int, keep: (UnsafeRawBufferPointer) -> Void
  ) -> Progress {
    var runStart = 0
    var index = 0
    func keepRun(to end: Int) {
      if end > runStart { keep(UnsafeRawBufferPointer(rebasing: octets[runStart..<end])) }
    }
    while index < octets.count {
      let plain = PlainContent.end(in: octets, from: index, isLineStart: isAtLineStart)
      if plain > index {
        isAtLineStart = octets[plain - 1] == 0x0A
        index = plain
        continue
      }
      let lineFeed = Self.first(0x0A, in: octets, from: index)
      let isStuffed = isAtLineStart && octets[index] == UInt8(ascii: ".")
      guard let lineFeed else {
        // No line end in sight: keep back what may belong to one, or to the end of data.
        let rest = octets.count - index
        if isStuffed, rest < 3, rest == 1 || octets[index + 1] == 0x0D { break }
        let end = octets[octets.count - 1] == 0x0D ? octets.count - 1 : octets.count
        guard end > index else { break }
        if isStuffed {
          keepRun(to: index)
          runStart = index + 1
        }
        inspect(octets, index..<end)
        isAtLineStart = false
        index = end
        break
      }
      let isProperEnd = lineFeed > index && octets[lineFeed - 1] == 0x0D
      if isStuffed, isProperEnd, lineFeed == index + 2 {
        keepRun(to: index)
        consumed = lineFeed + 1
        return .ended
      }
      if isStuffed {
        keepRun(to: index)
        runStart = index + 1
      }
      if isProperEnd {
        inspect(octets, index..<(lineFeed - 1))
      } else {
        if mendsLineEnds {
          hasMendedLineEnd = true
          keepRun(to: lineFeed)
          withUnsafeBytes(of: 0x0D as UInt8, keep)
          runStart = lineFeed
        } else {
          hasBareLineEnd = true
        }
        inspect(octets, index..<lineFeed)
      }
      isAtLineStart = isProperEnd
      index = lineFeed + 1
    }
    keepRun(to: index)
    consumed = index
    return .needsInput
  }

  /// Looks for octets that a line must not hold (RFC 5321 sections 2.3.8 and 4.1.1.4).
  private mutating func inspect(_ octets: UnsafeRawBufferPointer, _ line: Range<Int>) {
    guard !line.isEmpty else { return }
    let base = octets.baseAddress! + line.lowerBound
    if !hasBareLineEnd, memchr(base, 0x0D, line.count) != nil { hasBareLineEnd = true }
    if !hasNUL, memchr(base, 0, line.count) != nil { hasNUL = true }
  }

  private static func first(_ octet: Int32, in octets: UnsafeRawBufferPointer, from index: Int) -> Int? {
    let base = octets.baseAddress!
    guard let found = memchr(base + index, octet, octets.count - index) else { return nil }
    return UnsafeRawPointer(found) - base
  }
}
