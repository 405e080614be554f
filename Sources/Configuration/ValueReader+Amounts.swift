// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension ValueReader where Value == Configuration.Rate? {
  /// "5/10m", "20/h", or "off".
  static var rateOrOff: Self {
    rate(none: "off")
  }

  /// "20/m", or "" for no limit.
  static var rateOrNone: Self {
    rate(none: "")
  }

  private static func rate(none: String) -> Self {
    .string(#"a count in a time such as "5/10m", or "\#(none)""#) { text in
      if text == none { return .some(nil) }
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 2, let count = Int(parts[0]), ConfigurationLimits.failures.contains(count),
        let seconds = rateSeconds(parts[1]),
        (1...Int(ConfigurationLimits.durationMilliseconds.upperBound / 1000)).contains(seconds)
      else { return nil }
      return .some(Configuration.Rate(count: count, seconds: seconds))
    }
  }
}

extension ValueReader where Value == Configuration.Quota? {
  /// "500/d", "10000 recipients/d", or "" for none.
  static var quotaOrNone: Self {
    .string(#"a count in an hour or longer such as "500/d" or "10000 recipients/d", or """#) { text in
      if text.isEmpty { return .some(nil) }
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 2, let seconds = rateSeconds(parts[1]), ConfigurationLimits.quotaSeconds.contains(seconds)
      else { return nil }
      let words = parts[0].split(separator: " ", omittingEmptySubsequences: false)
      guard (1...2).contains(words.count), let count = Int(words[0]), ConfigurationLimits.quotaCount.contains(count),
        let unit = words.count == 1 ? .messages : Configuration.Quota.Unit(rawValue: String(words[1]))
      else { return nil }
      return .some(Configuration.Quota(count: count, unit: unit, seconds: seconds))
    }
  }
}

extension ValueReader where Value == Configuration.SizeBound? {
  /// ">10M", "<=512K", or "" for any size.
  static var sizeBound: Self {
    .string(#"a bound such as ">10M" or "<=512K" (K, M or G)"#) { text in
      if text.isEmpty { return .some(nil) }
      // The longer signs come first, or ">=" would be read as ">".
      guard let relation = Configuration.SizeBound.Relation.allCases.first(where: { text.hasPrefix($0.rawValue) }),
        let octets = quantity(
          String(text.dropFirst(relation.rawValue.count)), units: ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30])
      else { return nil }
      return .some(Configuration.SizeBound(relation, octets))
    }
  }
}

/// "10m", or "m" for one.
private func rateSeconds(_ text: Substring) -> Int? {
  durationSeconds(String(text)) ?? durationSeconds("1\(text)")
}
