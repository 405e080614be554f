// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Text that came from a peer: a reply, an EHLO name, a user name, an ENVID.
///
/// It cannot hold CR, LF, NUL, escapes or any other control, so whatever is built from it (a log line, a trace field,
/// a DSN, a console table) stays one line and harmless on a terminal. This is the only type in which such text enters
/// the program; replacing happens once, here.
package struct PeerText: Sendable, Hashable, CustomStringConvertible {
  package let text: String

  /// Longest text kept, in octets of UTF-8. A log line or a reply line holds no more.
  package static let octetsMax = 512

  package init(_ text: String) {
    self.init(octets: text.utf8)
  }

  /// Ill-formed UTF-8 becomes U+FFFD, controls (C0, DEL, C1, line and paragraph separators, bidirectional overrides)
  /// become "?", and what is over `octetsMax` is cut.
  package init(octets: some Sequence<UInt8>) {
    let text = octets.withContiguousStorageIfAvailable { Self.text($0) }
    self.text = text ?? Array(octets.prefix(Self.octetsMax)).withUnsafeBufferPointer { Self.text($0) }
  }

  private static func text(_ octets: UnsafeBufferPointer<UInt8>) -> String {
    let kept = UnsafeBufferPointer(rebasing: octets.prefix(octetsMax))
    let plain = String(decoding: kept, as: UTF8.self)
    if kept.allSatisfy({ (0x20...0x7E).contains($0) }) { return plain }
    var scalars = String.UnicodeScalarView()
    var count = 0
    for scalar in plain.unicodeScalars {
      let kept: Unicode.Scalar = isHarmless(scalar) ? scalar : "?"
      // An octet that is no UTF-8 becomes U+FFFD, which has three.
      count += UTF8.width(kept)
      guard count <= octetsMax else { break }
      scalars.append(kept)
    }
    return String(scalars)
  }

  package var description: String { text }

  /// It does nothing on a terminal and does not end a line.
  static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: false
    default: true
    }
  }
}
