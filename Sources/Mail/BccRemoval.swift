// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Drops the `Bcc` and `Resent-Bcc` fields, with their continuation lines, from the header block of a message that
/// streams through (RFC 5322 section 3.6.3: the others must not learn of them). The relay feeds the stored chunks in
/// order and sends what comes back. The body passes untouched and uncopied; at most the beginning of one line is held
/// back.
package struct BccRemoval: Sendable {
  private var walker = HeaderWalker()
  private var isDropping = false
  /// The beginning of a line that may still become a `Bcc`.
  private var held: [UInt8] = []

  package init() {}

  /// Octets that `filter` has taken and that it may still return.
  package var heldOctets: Int { held.count }

  package mutating func filter(_ octets: [UInt8]) -> [UInt8] {
    if walker.isInBody { return octets }
    var kept: [UInt8] = []
    kept.reserveCapacity(held.count + octets.count)
    var position = 0
    while position < octets.count, !walker.isInBody {
      let start = position
      let step = octets.withUnsafeBytes { walker.step($0, &position) }
      switch step {
      case .undecided:
        held += octets[start..<position]
        continue
      case .begins(let line):
        if line != .continuation { isDropping = line == .field(.bcc) }
        if !isDropping { kept += held }
        held.removeAll(keepingCapacity: true)
      case .goesOn: break
      }
      if !isDropping { kept += octets[start..<position] }
    }
    kept += octets[position...]
    return kept
  }

  /// The content is complete: returns what was still held back.
  package mutating func finish() -> [UInt8] {
    defer { held = [] }
    walker.finish()
    return held
  }
}
