// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

import struct NIOCore.ByteBuffer

/// Writes content for DATA: a dot more in front of each line that begins with one, and the end (RFC 5321 section 4.5.2).
package struct DotStuffing: Sendable {
  private var isAtLineStart = true

  package init() {}

  /// Content in pieces of any size. All its line ends are CRLF, that is what the queue holds.
  package mutating func write(_ octets: some Collection<UInt8>, into output: inout ByteBuffer) {
    let done: Void? = octets.withContiguousStorageIfAvailable { write(UnsafeRawBufferPointer($0), into: &output) }
    if done == nil { Array(octets).withUnsafeBytes { write($0, into: &output) } }
  }

  private mutating func write(_ octets: UnsafeRawBufferPointer, into output: inout ByteBuffer) {
    guard let base = octets.baseAddress, octets.count > 0 else { return }
    var runStart = 0
    var index = 0
    while index < octets.count {
      if isAtLineStart, octets[index] == UInt8(ascii: ".") {
        output.writeBytes(octets[runStart..<index])
        output.writeInteger(UInt8(ascii: "."))
        runStart = index
      }
      guard let found = memchr(base + index, 0x0A, octets.count - index) else {
        isAtLineStart = false
        break
      }
      index = UnsafeRawPointer(found) - base + 1
      isAtLineStart = true
    }
    output.writeBytes(octets[runStart...])
  }

  /// The dot line. Content whose last line has no end gets one first.
  package mutating func end(into output: inout ByteBuffer) {
    output.writeString(isAtLineStart ? ".\r\n" : "\r\n.\r\n")
    isAtLineStart = true
  }
}
