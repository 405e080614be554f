// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Finds a boundary for parts that others have written some of (RFC 2046 section 5.1.1). Whoever knows how we make
/// boundaries can write one into his message; so the parts are searched, once, and the boundary is one that stands
/// nowhere in them.
enum MultipartBoundary {
  /// `=_NAME.000000`, or a higher number. "=_" stands in no quoted-printable text (RFC 2045 section 6.7).
  static func unused(in parts: [[UInt8]], name: String) -> String {
    let prefix = "=_\(TraceText.atom(name))."
    var taken: Set<Int> = []
    for part in parts { note(numbersBehind: Array(prefix.utf8), in: part, &taken) }
    // Of a million numbers one is free: parts with a million of them would be larger than a report can become.
    let number = (0...).first { !taken.contains($0) }!
    let text = String(number)
    return prefix + String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  private static func note(numbersBehind prefix: [UInt8], in octets: [UInt8], _ numbers: inout Set<Int>) {
    var position = 0
    while let start = octets[position...].firstIndex(of: prefix[0]) {
      position = start + 1
      let rest = octets[start...]
      guard rest.starts(with: prefix) else { continue }
      let written = rest.dropFirst(prefix.count).prefix(digits)
      if written.count == digits, let number = Int(String(decoding: written, as: UTF8.self)) { numbers.insert(number) }
    }
  }

  private static let digits = 6
}
