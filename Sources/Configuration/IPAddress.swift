// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// An IPv4 or IPv6 address without a zone.
///
/// An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2), which is what a listener on `::` sees of an IPv4 client,
/// equals its IPv4 address.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
  /// The 128 bits of the address; IPv4 in its mapped form.
  let high: UInt64
  let low: UInt64

  private static let mappedPrefix: UInt64 = 0xFFFF

  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Reads what `inet_pton` reads: dotted decimal of four parts, or RFC 4291 section 2.2.
  package init?(_ text: some StringProtocol) {
    let text = String(text)
    // inet_pton sees the text up to a NUL.
    guard !text.utf8.contains(0) else { return nil }
    var octets = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &octets) == 1 {
      self.init(high: 0, low: Self.mappedPrefix << 32 | Self.number(octets[0..<4]))
    } else if inet_pton(AF_INET6, text, &octets) == 1 {
      self.init(high: Self.number(octets[0..<8]), low: Self.number(octets[8..<16]))
    } else {
      return nil
    }
  }

  package var isIPv4: Bool { high == 0 && low >> 32 == Self.mappedPrefix }

  package var description: String {
    var octets: [UInt8] = []
    if !isIPv4 { octets += stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: high >> $0) } }
    octets += stride(from: isIPv4 ? 24 : 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: low >> $0) }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let printed = inet_ntop(isIPv4 ? AF_INET : AF_INET6, octets, &text, socklen_t(text.count))
    precondition(printed != nil, "INET6_ADDRSTRLEN holds every address")
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func number(_ octets: ArraySlice<UInt8>) -> UInt64 {
    octets.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
