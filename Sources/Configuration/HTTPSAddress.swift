// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Where a request goes, with TLS always: `https://HOST[:PORT]/TARGET` (RFC 3986), without user names and fragments.
package struct HTTPSAddress: Sendable, Hashable, CustomStringConvertible {
  /// A domain name, or an address without brackets.
  package let host: String
  package let port: Int
  /// Path and query; begins with "/".
  package let target: String

  package static let portDefault = 443

  package init?(_ text: String) {
    let scheme = "https://"
    guard text.utf8.count <= ConfigurationLimits.urlOctetsMax, text.lowercased().hasPrefix(scheme),
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"#\"<>\\^`{|}".utf8.contains($0) })
    else { return nil }
    let rest = text.dropFirst(scheme.count)
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let target = rest.dropFirst(authority.count)
    var host = authority
    var port: Int? = Self.portDefault
    if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
      host = authority[..<colon]
      port = Int(authority[authority.index(after: colon)...])
    }
    let isLiteral = host.hasPrefix("[") && host.hasSuffix("]")
    if isLiteral { host = host.dropFirst().dropLast() }
    guard let port, ConfigurationLimits.ports.contains(port),
      isLiteral ? IPAddress(host)?.isIPv4 == false : Name.isDomain(String(host)) || IPAddress(host)?.isIPv4 == true
    else { return nil }
    self.host = String(host)
    self.port = port
    self.target = target.hasPrefix("/") ? String(target) : "/\(target)"
  }

  /// As the Host field has it (RFC 9110 section 7.2).
  package var authority: String {
    let host = host.contains(":") ? "[\(host)]" : host
    return port == Self.portDefault ? host : "\(host):\(port)"
  }

  package var description: String { "https://\(authority)\(target)" }
}
