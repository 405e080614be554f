// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Value of `from:` and `to:`: an address, `@domain`, a pattern with stars, or `<>` for the null path.
enum AddressPattern: Sendable, Equatable {
  case null
  case domain(TextPattern)
  case address(TextPattern)

  init(_ value: String, term: String) throws(SelectorError) {
    if value == "<>" {
      self = .null
    } else if value.hasPrefix("@"), value.utf8.count > 1 {
      self = .domain(TextPattern(value.dropFirst()))
    } else if value.contains("*") || Address(value) != nil {
      self = .address(TextPattern(value))
    } else {
      throw .badValue(term: term, expected: "an address, @domain, a pattern with *, or <>")
    }
  }

  func matches(_ address: Address?) -> Bool {
    guard let address else { return self == .null }
    return switch self {
    case .null: false
    case .domain(let pattern): pattern.matches(String(address.domain))
    case .address(let pattern): pattern.matches(address.text)
    }
  }
}

/// A bound: `>3`, `<=2h`, `>5M`, and for counts a number alone.
struct Comparison: Sendable, Equatable {
  enum Unit: Sendable {
    case count
    /// s, m, h, d; the value is milliseconds.
    case time
    /// K, M, G or none; the value is octets.
    case octets
  }

  private enum Relation: Sendable { case less, atMost, equal, atLeast, more }

  private let relation: Relation
  private let bound: Int64

  init(_ text: String, unit: Unit, term: String, expected: String) throws(SelectorError) {
    let relations: [(String, Relation)] = [
      (">=", .atLeast), ("<=", .atMost), (">", .more), ("<", .less), ("=", .equal),
    ]
    let found = relations.first { text.hasPrefix($0.0) }
    // To the millisecond or the octet nothing is equal by intention.
    guard let bound = Self.value(text.dropFirst(found?.0.count ?? 0), unit),
      unit == .count || found != nil && found?.1 != .equal
    else { throw .badValue(term: term, expected: expected) }
    self.bound = bound
    relation = found?.1 ?? .equal
  }

  func holds(_ value: Int64) -> Bool {
    switch relation {
    case .less: value < bound
    case .atMost: value <= bound
    case .equal: value == bound
    case .atLeast: value >= bound
    case .more: value > bound
    }
  }

  private static func value(_ text: Substring, _ unit: Unit) -> Int64? {
    let scales: [Character: Int64] =
      switch unit {
      case .count: [:]
      case .time: ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
      case .octets: ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
      }
    var digits = text
    var scale: Int64 = 1
    if let last = text.last, let found = scales[last] {
      scale = found
      digits = text.dropLast()
    } else if unit == .time {
      return nil
    }
    // Nine digits of the largest unit stay below 2^63.
    guard (1...9).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int64(digits)
    else { return nil }
    return number * scale
  }
}
