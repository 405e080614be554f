// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Where an authorization server is asked: an `https` URL, and no other, because what goes there are secrets.
package struct EndpointAddress: Sendable, Hashable, CustomStringConvertible {
  package let host: String
  package let port: Int
  /// With its query, beginning with a slash.
  package let path: String

  package static let octetsMax = 2048

  /// nil if the text is no such URL, names a user, or holds what a request line cannot (RFC 3986 section 2).
  package init?(_ text: String) {
    let scheme = "https://"
    guard text.utf8.count <= Self.octetsMax, text.prefix(scheme.count).lowercased() == scheme else { return nil }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !Self.forbidden.contains($0) }) else { return nil }
    let rest = text.dropFirst(scheme.count)
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let path = rest.dropFirst(authority.count)
    var port = 443
    var host = authority
    if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
      guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else { return nil }
      port = Int(number)
      host = authority[..<colon]
    }
    let isLiteral = host.hasPrefix("[") && host.hasSuffix("]")
    if isLiteral { host = host.dropFirst().dropLast() }
    guard !host.isEmpty, isLiteral || !host.contains(":") else { return nil }
    self.host = host.lowercased()
    self.port = port
    self.path = path.isEmpty ? "/" : path.hasPrefix("/") ? String(path) : "/\(path)"
  }

  /// Of parts that somebody else has read.
  package init(host: String, port: Int, path: String) {
    (self.host, self.port, self.path) = (host.lowercased(), port, path)
  }

  /// A fragment is not the server's, a name and password in the address are nobody's.
  private static let forbidden = Set("#@\\\"<>^`{|}".utf8)

  /// As the field Host wants it.
  package var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == 443 ? name : "\(name):\(port)"
  }

  package var description: String { "https://\(authority)\(path)" }
}
