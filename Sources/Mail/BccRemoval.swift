// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Drops the `Bcc` and `Resent-Bcc` fields, with their continuation lines, from the header block of a message that
/// streams through (RFC 5322 section 3.6.3: the others must not learn of them). The relay feeds the stored chunks in
/// order and sends what comes back. The body passes untouched and uncopied; at most the beginning of one line is held
/// back.
package struct BccRemoval: Sendable {
  private enum Place { case lineStart, value, body }

  private var place = Place.lineStart
  private var line = HeaderLineReader()
  private var isFirstLine = true
  private var isDropping = false
  /// The beginning of a line that may still become a `Bcc`.
  private var held: [UInt8] = []

  package init() {}

  /// Octets that `filter` has taken and that it may still return.
  package var heldOctets: Int { held.count }

  package mutating func filter(_ octets: [UInt8]) -> [UInt8] {
    if place == .body { return octets }
    var kept: [UInt8] = []
    kept.reserveCapacity(held.count + octets.count)
    var position = 0
    while position < octets.count {
      switch place {
      case .lineStart:
        let octet = octets[position]
        position += 1
        held.append(octet)
        guard let kind = line.read(octet) else { continue }
        receivedLine(kind)
        if !isDropping { kept += held }
        held.removeAll(keepingCapacity: true)
        if place == .value && octet == UInt8(ascii: "\n") { startLine() }
      case .value:
        let newline = octets[position...].firstIndex(of: UInt8(ascii: "\n"))
        let end = newline.map { $0 + 1 } ?? octets.count
        if !isDropping { kept += octets[position..<end] }
        position = end
        if newline != nil { startLine() }
      case .body:
        kept += octets[position...]
        position = octets.count
      }
    }
    return kept
  }

  /// The content is complete: returns what was still held back.
  package mutating func finish() -> [UInt8] {
    defer { held = [] }
    place = .body
    return held
  }

  private mutating func startLine() {
    place = .lineStart
    line = HeaderLineReader()
    isFirstLine = false
  }

  private mutating func receivedLine(_ kind: HeaderLine) {
    place = .value
    switch kind {
    case .continuation where !isFirstLine:
      break
    case .field(let name):
      isDropping = name == .bcc
    case .empty:
      isDropping = false
      place = .body
    case .mailbox where isFirstLine:
      break
    case .continuation, .mailbox, .other:
      isDropping = false
      if isFirstLine { place = .body }
    }
  }
}
