// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Sizes and times as people say them: short, and no more exact than they are looked at.
package enum Humane {
  /// For tables: `512`, `4.1K`, `41M`.
  package static func size(_ octets: Int) -> String { scaled(octets, separator: "", unit: "") }

  /// For sentences: `512 octets`, `1.2 MiB`, `41 MiB`.
  package static func longSize(_ octets: Int) -> String {
    octets < 1024 ? "\(octets) octet\(octets == 1 ? "" : "s")" : scaled(octets, separator: " ", unit: "iB")
  }

  /// Two significant places, as `ls -h` has them.
  private static func scaled(_ octets: Int, separator: String, unit: String) -> String {
    guard octets >= 1024 else { return String(max(0, octets)) }
    var value = Double(octets) / 1024
    var prefixes = Array("KMGTPE")[...]
    while (value.rounded() >= 1024), prefixes.count > 1 {
      value /= 1024
      prefixes.removeFirst()
    }
    let tenths = Int((value * 10).rounded())
    let number = tenths < 100 ? "\(tenths / 10).\(tenths % 10)" : String(Int(value.rounded()))
    return number + separator + String(prefixes.first!) + unit
  }

  /// For tables: `45s`, `26m`, `3h`, `2d`; the largest whole unit.
  package static func span(seconds: Int) -> String {
    let (count, unit) = largest(seconds)
    return "\(count)\(unit)"
  }

  /// For sentences: `45 s`, `26 min`, `12 d 4 h`; two units where the second says something.
  package static func longSpan(seconds: Int) -> String {
    let (count, unit) = largest(seconds)
    switch unit {
    case "d" where count < 100 && seconds / 3600 % 24 > 0: return "\(count) d \(seconds / 3600 % 24) h"
    case "h" where count < 10 && seconds / 60 % 60 > 0: return "\(count) h \(seconds / 60 % 60) min"
    case "m": return "\(count) min"
    default: return "\(count) \(unit)"
    }
  }

  /// Distance of a coming event: `in 4m`, `now`.
  package static func until(_ time: Timestamp, from now: Timestamp) -> String {
    // Up to one second later is said as whole seconds, so that nothing is due "in 0s".
    let seconds = Int((time.milliseconds - now.milliseconds + 999) / 1000)
    return seconds <= 0 ? "now" : "in " + span(seconds: seconds)
  }

  package static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

  private static func largest(_ seconds: Int) -> (Int, String) {
    switch seconds {
    case ..<60: (max(0, seconds), "s")
    case ..<3600: (seconds / 60, "m")
    case ..<86_400: (seconds / 3600, "h")
    default: (seconds / 86_400, "d")
    }
  }
}
