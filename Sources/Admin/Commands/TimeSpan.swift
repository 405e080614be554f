// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A length of time as people type it: `90s`, `30m`, `2h`, `1d`.
package enum TimeSpan {
  /// A year; what is longer is meant to have no end.
  package static let secondsMax = 366 * 86_400

  /// nil if it is none, or zero, or longer than a year.
  package static func seconds(_ text: String) -> Int? {
    let scales: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let unit = text.last, let scale = scales[unit], !text.hasPrefix("+"), let count = Int(text.dropLast()),
      count > 0, count <= secondsMax / scale
    else { return nil }
    return count * scale
  }

  /// The other way round, in the largest unit that is exact.
  package static func text(seconds: Int) -> String {
    for (unit, scale) in [("d", 86_400), ("h", 3600), ("m", 60)] where seconds % scale == 0 {
      return "\(seconds / scale)\(unit)"
    }
    return "\(seconds)s"
  }
}
