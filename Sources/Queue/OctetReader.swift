// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Reads what `EventRecord` wrote; nil wherever the octets end too early.
struct OctetReader {
  private let octets: UnsafeRawBufferPointer
  private var offset = 0

  init(_ octets: UnsafeRawBufferPointer) {
    self.octets = octets
  }

  var rest: Int { octets.count - offset }

  mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
    let size = MemoryLayout<Value>.size
    guard rest >= size else { return nil }
    defer { offset += size }
    return Value(littleEndian: octets.loadUnaligned(fromByteOffset: offset, as: type))
  }

  /// Milliseconds, of a clock or of a duration.
  mutating func milliseconds() -> Int64? { integer(Int64.self)?.boundedTime }

  mutating func part(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count >= 0, rest >= count else { return nil }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: octets[offset..<(offset + count)])
  }

  /// The outer nil means that the octets end too early; the inner one that there is no text.
  mutating func text() -> String?? {
    guard let length = integer(UInt16.self) else { return nil }
    if length == UInt16.max { return .some(nil) }
    guard rest >= Int(length) else { return nil }
    defer { offset += Int(length) }
    return String(decoding: octets[offset..<(offset + Int(length))], as: UTF8.self)
  }

  mutating func reply() -> Reply? {
    guard let code = integer(UInt16.self), let `class` = integer(UInt8.self), let subject = integer(UInt16.self),
      let detail = integer(UInt16.self), let text = text(), let text
    else { return nil }
    return Reply(Int(code), `class` == 0 ? nil : EnhancedStatus(`class`, subject, detail), text)
  }

  mutating func ids() -> [MessageID]? {
    guard let count = integer(UInt32.self), Int(count) * 8 <= rest else { return nil }
    return (0..<count).map { _ in MessageID(number: integer(UInt64.self)!) }
  }

  mutating func indexes() -> [Int]? {
    guard let count = integer(UInt16.self), Int(count) * 2 <= rest else { return nil }
    return (0..<count).map { _ in Int(integer(UInt16.self)!) }
  }
}
