// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

import struct NIOCore.ByteBuffer

/// Reads content that comes in chunks of announced sizes (BDAT, RFC 3030 section 2). One reader for all chunks of a
/// message: a line may go on in the next one. Octets are taken as they are, dots too; what a line must not hold is noted,
/// because the message goes on to upstreams that know only DATA.
struct ChunkReader: Equatable, Sendable {
  private(set) var hasBareLineEnd = false
  private(set) var hasNUL = false
  /// Octets of content so far, of all chunks.
  private(set) var octets: UInt64 = 0
  /// Of this chunk, not yet read.
  private var remaining: UInt64 = 0
  private var endsInCR = false

  /// A chunk of so many octets follows.
  mutating func begin(_ octets: UInt64) {
    remaining = octets
  }

  /// Moves content from `input` to `content` until `content` holds `limit` octets. With `isDiscarding` the content is
  /// counted, not kept.
  mutating func read(
    _ input: inout ByteBuffer, into content: inout ByteBuffer, limit: Int, isDiscarding: Bool
  ) -> ContentReader.Progress {
    guard remaining > 0 else { return .ended }
    let room = isDiscarding ? Int.max : limit - content.readableBytes
    let count = min(input.readableBytes, room, Int(clamping: remaining))
    guard count > 0 else { return input.readableBytes > 0 ? .full : .needsInput }
    input.withUnsafeReadableBytes { inspect(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
    if var piece = input.readSlice(length: count), !isDiscarding {
      if count >= Limits.keptRunOctets, content.readableBytes == 0 {
        content = piece
      } else {
        content.writeBuffer(&piece)
      }
    }
    octets += UInt64(count)
    remaining -= UInt64(count)
    if remaining == 0 { return .ended }
    return input.readableBytes > 0 ? .full : .needsInput
  }

  /// The last chunk is read.
  mutating func finish() {
    if endsInCR { hasBareLineEnd = true }
    endsInCR = false
  }

  /// CR and LF stand only together (RFC 5321 section 2.3.8).
  private mutating func inspect(_ octets: UnsafeRawBufferPointer) {
    let base = octets.baseAddress!
    if !hasNUL, memchr(base, 0, octets.count) != nil { hasNUL = true }
    if endsInCR != (octets[0] == 0x0A) { hasBareLineEnd = true }
    endsInCR = octets[octets.count - 1] == 0x0D
    var index = 0
    while !hasBareLineEnd {
      index = PlainContent.end(in: octets, from: index, isLineStart: false)
      guard index < octets.count else { break }
      let rest = octets.count - index
      let feed = memchr(base + index, 0x0A, rest).map { UnsafeRawPointer($0) - base } ?? octets.count
      // Of the octets up to the line feed only the last may be a CR, and it has to be one.
      if let found = memchr(base + index, 0x0D, feed - index), UnsafeRawPointer(found) - base < feed - 1 {
        hasBareLineEnd = true
      }
      if feed > 0, feed < octets.count, octets[feed - 1] != 0x0D { hasBareLineEnd = true }
      index = feed + 1
    }
  }
}
