// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration

/// Some of the exceptions that a `[[client]]` may have, in one octet.
package struct ClientExceptions: OptionSet, Sendable, Hashable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  package init(_ exceptions: some Sequence<Configuration.Client.Exception>) {
    self.init(rawValue: exceptions.reduce(0) { $0 | Self.bit($1) })
  }

  /// In the order in which they are explained.
  package var list: [Configuration.Client.Exception] {
    Configuration.Client.Exception.allCases.filter { rawValue & Self.bit($0) != 0 }
  }

  private static func bit(_ exception: Configuration.Client.Exception) -> UInt8 {
    switch exception {
    case .noAuth: 1
    case .plaintext: 2
    case .tls10: 4
    case .bareLF: 8
    case .anyHelo: 16
    }
  }

  package static let noAuth = ClientExceptions([.noAuth])
  package static let plaintext = ClientExceptions([.plaintext])
  package static let tls10 = ClientExceptions([.tls10])
  package static let bareLF = ClientExceptions([.bareLF])
  package static let anyHelo = ClientExceptions([.anyHelo])
}
