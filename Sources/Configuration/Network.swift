// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A range of addresses, written as `ADDRESS/PREFIX` or as one address.
package struct Network: Sendable, Hashable, CustomStringConvertible {
  package let address: IPAddress
  /// Count of leading bits that decide: 0-32 for IPv4, 0-128 for IPv6.
  package let prefix: Int

  /// nil where the text is no address, no network, or has bits set behind its prefix.
  package init?(_ text: some StringProtocol) {
    guard let network = try? Network(parsing: text) else { return nil }
    self = network
  }

  /// Like `init(_:)`, and says what is wrong with the text.
  package init(parsing text: some StringProtocol) throws(NetworkProblem) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = IPAddress(parts[0]) else { throw .notAnAddress }
    let bits = address.isIPv4 ? 32 : 128
    guard parts.count == 2 else {
      self.init(address: address, prefix: bits)
      return
    }
    // The mapped form of a network counts its prefix in 128 bits: ::ffff:192.168.0.0/112.
    let offset = address.isIPv4 && parts[0].contains(":") ? 96 : 0
    guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let written = Int(parts[1]),
      (offset...bits + offset).contains(written)
    else {
      throw .prefix(family: address.isIPv4 ? "IPv4" : "IPv6", from: offset, through: bits + offset)
    }
    let network = Network(address: address.masked(to: written - offset), prefix: written - offset)
    guard network.address == address else { throw .hostBits(suggestion: network) }
    self = network
  }

  private init(address: IPAddress, prefix: Int) {
    self.address = address
    self.prefix = prefix
  }

  package var isOneAddress: Bool { prefix == (address.isIPv4 ? 32 : 128) }

  /// An IPv6 network never contains an IPv4 address: `::/0` is all of IPv6 and nothing else.
  package func contains(_ other: IPAddress) -> Bool {
    address.isIPv4 == other.isIPv4 && other.masked(to: prefix) == address
  }

  package func contains(_ other: Network) -> Bool {
    prefix <= other.prefix && contains(other.address)
  }

  /// Whether strangers cannot have an address in it: loopback, RFC 1918, link-local (RFC 3927, RFC 4291) and unique
  /// local (RFC 4193). The shared space 100.64.0.0/10 (RFC 6598) is a provider's, with strangers in it.
  package var isPrivate: Bool {
    Self.privateNetworks.contains { $0.contains(self) }
  }

  /// Larger than what anybody has: registries give out IPv4 in /8 and IPv6 in /12 at most.
  package var isVast: Bool { prefix < (address.isIPv4 ? 8 : 12) }

  private static let privateNetworks = [
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1", "fe80::/10", "fc00::/7",
  ].compactMap { Network($0) }

  package var description: String { isOneAddress ? "\(address)" : "\(address)/\(prefix)" }
}

/// What is wrong with the text of a network.
package enum NetworkProblem: Error, Sendable, Equatable {
  case notAnAddress
  case prefix(family: String, from: Int, through: Int)
  /// Bits behind the prefix are set; `suggestion` is the network around the address.
  case hostBits(suggestion: Network)
}

extension IPAddress {
  /// Keeps `prefix` leading bits, counted within the address's own family.
  fileprivate func masked(to prefix: Int) -> IPAddress {
    let kept = isIPv4 ? prefix + 96 : prefix
    // Swift's smart shift gives 0 for a shift of 64 and more.
    let highMask: UInt64 = kept >= 64 ? .max : ~(.max >> kept)
    let lowMask: UInt64 = kept <= 64 ? 0 : ~(.max >> (kept - 64))
    return IPAddress(high: high & highMask, low: low & lowMask)
  }
}
