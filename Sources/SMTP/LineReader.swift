// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

import struct NIOCore.ByteBuffer

/// Cuts a client's octets into lines, in bounded memory.
///
/// Only CRLF ends a line: a bare LF stays inside and makes the line wrong. The part of an over-long line that is there is
/// thrown away at once, and its rest is never taken for a line of its own.
struct LineReader: Sendable {
  enum Outcome: Equatable {
    /// Without its CRLF.
    case line(ArraySlice<UInt8>)
    /// A line over the limit has ended, and is gone but for its first octets.
    case tooLong(ArraySlice<UInt8>)
    /// An over-long line goes on for longer than anybody should listen.
    case endless
    case needsInput
  }

  /// Octets thrown away of the over-long line that has not ended yet.
  private var discarded: Int?
  /// What it began with.
  private var begin: [UInt8] = []
  /// Enough for any verb and the space behind it.
  private static let beginOctets = 9

  mutating func next(_ input: inout ByteBuffer, limit: Int) -> Outcome {
    guard let length = Self.lineLength(input) else { return discardOverlong(&input, limit: limit) }
    guard discarded == nil, length <= limit else {
      if discarded == nil { begin = Array(input.readableBytesView.prefix(Self.beginOctets)) }
      input.moveReaderIndex(forwardBy: length)
      discarded = nil
      return .tooLong(begin[...])
    }
    return .line(input.readBytes(length: length)!.dropLast(2))
  }

  /// Keeps a CR at the end, which may belong to the line's end.
  private mutating func discardOverlong(_ input: inout ByteBuffer, limit: Int) -> Outcome {
    guard discarded != nil || input.readableBytes > limit, let last = input.readableBytesView.last else {
      return .needsInput
    }
    if discarded == nil { begin = Array(input.readableBytesView.prefix(Self.beginOctets)) }
    let dropped = input.readableBytes - (last == 0x0D ? 1 : 0)
    input.moveReaderIndex(forwardBy: dropped)
    let total = (discarded ?? 0) + dropped
    discarded = total
    return total > Limits.discardedLineOctetsMax ? .endless : .needsInput
  }

  /// Octets up to and with the first CRLF.
  private static func lineLength(_ input: ByteBuffer) -> Int? {
    input.withUnsafeReadableBytes { octets in
      guard let base = octets.baseAddress else { return nil }
      var from = 0
      while let found = memchr(base + from, 0x0A, octets.count - from) {
        let index = UnsafeRawPointer(found) - base
        if index > 0, octets[index - 1] == 0x0D { return index + 1 }
        from = index + 1
      }
      return nil
    }
  }
}
