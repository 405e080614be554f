// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Counts the `Received` fields that we wrote ourselves: those with the clause `by HOSTNAME (Postern)` in which
/// `TraceField` names us. A message that comes back to us goes in a circle long before it has a hundred such fields.
/// Reads each octet once and keeps one word.
struct OwnTrace: Sendable {
  private enum Place { case elsewhere, behindBy, behindName, found }

  private(set) var count = 0
  /// In lower case: host names have none (RFC 5321 section 2.4).
  private let hostname: [UInt8]
  private var place = Place.elsewhere
  private var word: [UInt8] = []
  private var isWordTooLong = false

  init(hostname: String) {
    self.hostname = Array((TraceText.domain(hostname) ?? "localhost").utf8).map(Self.lowercased)
  }

  /// The value of a `Received` field begins.
  mutating func beginField() {
    place = .elsewhere
    word.removeAll(keepingCapacity: true)
    isWordTooLong = false
  }

  mutating func read(_ octets: Slice<UnsafeRawBufferPointer>) {
    guard place != .found else { return }
    for octet in octets {
      switch octet {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"):
        if !word.isEmpty { endWord() }
      case _ where word.count > max(hostname.count, Self.product.count):
        isWordTooLong = true
      default:
        word.append(Self.lowercased(octet))
      }
    }
  }

  private mutating func endWord() {
    defer {
      word.removeAll(keepingCapacity: true)
      isWordTooLong = false
    }
    switch place {
    case .behindBy where !isWordTooLong && word == hostname: place = .behindName
    case .behindName where !isWordTooLong && word == Self.product:
      place = .found
      count += 1
    case .found: break
    case .elsewhere, .behindBy, .behindName: place = word == Self.by ? .behindBy : .elsewhere
    }
  }

  private static func lowercased(_ octet: UInt8) -> UInt8 {
    UInt8(ascii: "A")...UInt8(ascii: "Z") ~= octet ? octet | 0x20 : octet
  }

  private static let by = Array("by".utf8)
  /// The comment behind our name.
  private static let product = Array("(postern)".utf8)
}
