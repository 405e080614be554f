// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The name of the host we run on.
package enum HostName {
  /// The fully qualified name where the system knows one, else what gethostname(2) says.
  ///
  /// A name with a dot is taken as it is; only a short one is looked up, which may ask a name server and wait for it.
  package static func current() -> String {
    let name = own()
    return name.contains(".") ? name : canonical(name) ?? name
  }

  /// What gethostname(2) says: asks nobody, and does not change with the network.
  package static func own() -> String {
    var buffer = [CChar](repeating: 0, count: ConfigurationLimits.hostnameOctetsMax + 1)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func canonical(_ name: String) -> String? {
    var hints = addrinfo()
    hints.ai_flags = AI_CANONNAME
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &found) == 0 else { return nil }
    defer { freeaddrinfo(found) }
    guard let text = found?.pointee.ai_canonname else { return nil }
    let canonical = String(cString: text)
    // On a host without a domain this is "localhost" or the short name again.
    return canonical.contains(".") && !canonical.hasPrefix("localhost") ? canonical : nil
  }
}
