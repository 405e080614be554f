// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CSupport

/// Finds what of the content needs no look at its lines: most of it. `ContentReader` and `ChunkReader` look at the rest.
enum PlainContent {
  /// Behind the octets from `index` on in which there is no NUL, CR and LF stand only together, and no line begins with a
  /// dot; never between a CR and what follows it. `index` itself if the line there has to be looked at.
  static func end(in octets: UnsafeRawBufferPointer, from index: Int, isLineStart: Bool) -> Int {
    guard index < octets.count else { return index }
    let first = octets[index]
    if first == 0 || first == 0x0A || (isLineStart && first == UInt8(ascii: ".")) { return index }
    return index + csupport_plain_prefix(octets.baseAddress! + index, octets.count - index)
  }
}
