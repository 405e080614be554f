// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Queue

/// Tells from the octets of a line whether its message may be meant, so that only such lines are decoded. It says no only
/// where that is certain, whoever wrote the JSON: what is found is for the decoder to confirm.
struct HistoryFilter: Sendable {
  /// A line holds one needle of each list, in ASCII of any case.
  private var needles: [[[UInt8]]]

  static let none = HistoryFilter([])

  init(_ literals: [[Selector.Literal]]) {
    needles = literals.compactMap { alternatives in
      let needles = alternatives.map(Self.needle)
      return needles.contains([]) ? nil : needles
    }
    // The longest is in the fewest lines.
    needles.sort { Self.least($0) > Self.least($1) }
  }

  private static func least(_ needles: [[UInt8]]) -> Int { needles.map(\.count).min() ?? .max }

  func mayMatch(_ line: UnsafeRawBufferPointer) -> Bool {
    for alternatives in needles where !alternatives.contains(where: { Self.holds(line, $0) }) {
      return Self.hasNeedlessEscape(line)
    }
    return true
  }

  /// What stands in a line as it is, unless it has a needless escape; empty if there is no such thing.
  private static func needle(_ literal: Selector.Literal) -> [UInt8] {
    switch literal {
    case .value(let value):
      let octets = value.utf8.map(folded)
      guard octets.allSatisfy(isPlain) else { return [] }
      return [UInt8(ascii: "\"")] + octets + [UInt8(ascii: "\"")]
    case .pattern(let octets):
      let runs = octets.split { !isPlain($0) }
      return runs.max { $0.count < $1.count }.map(Array.init) ?? []
    }
  }

  /// Neither JSON nor `PeerText` has a reason to write it in another way. A question mark may stand for what was there,
  /// a star is the pattern's, and a slash is escaped by many.
  private static func isPlain(_ octet: UInt8) -> Bool {
    switch octet {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "*"): false
    default: (0x21...0x7E).contains(octet)
    }
  }

  /// `\u0062` where a `b` would do. We never write it, but who has edited the file may have.
  private static func hasNeedlessEscape(_ line: UnsafeRawBufferPointer) -> Bool {
    var start = 0
    while start < line.count,
      let found = memchr(line.baseAddress! + start, Int32(UInt8(ascii: "\\")), line.count - start)
    {
      let place = UnsafeRawPointer(found) - line.baseAddress!
      guard place + 4 < line.count else { return false }
      if line[place + 1] == UInt8(ascii: "u"), line[place + 2] == UInt8(ascii: "0"),
        line[place + 3] == UInt8(ascii: "0"), (UInt8(ascii: "2")...UInt8(ascii: "7")).contains(line[place + 4])
      {
        return true
      }
      start = place + 1
    }
    return false
  }

  private static func holds(_ line: UnsafeRawBufferPointer, _ needle: [UInt8]) -> Bool {
    needle.withUnsafeBufferPointer { needle in
      let first = needle[0]
      let other = isLetter(first) ? first & ~0x20 : first
      var place = 0
      while place + needle.count <= line.count {
        if line[place] == first || line[place] == other {
          var count = 1
          while count < needle.count, folded(line[place + count]) == needle[count] { count += 1 }
          if count == needle.count { return true }
        }
        place += 1
      }
      return false
    }
  }

  private static func isLetter(_ octet: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet) }

  private static func folded(_ octet: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(octet) ? octet | 0x20 : octet
  }
}
