// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What an upstream offered in its last EHLO answer (RFC 5321 section 4.1.1.1). Good for this connection, until STARTTLS.
package struct Extensions: Equatable, Sendable {
  package var pipelining = false
  package var startTLS = false
  package var eightBitMIME = false
  package var enhancedStatusCodes = false
  /// BDAT (RFC 3030).
  package var chunking = false
  /// RFC 3461.
  package var dsn = false
  /// RFC 6531.
  package var smtpUTF8 = false
  /// nil: SIZE is not offered. 0: offered without a limit (RFC 1870 section 3).
  package var size: UInt64?
  /// In upper case.
  package var authMechanisms: Set<String> = []

  package init() {}

  /// Lines behind the first one, which holds the greeting. Unknown keywords are other people's business.
  init(lines: some Sequence<PeerText>) {
    for line in lines {
      let words = line.text.uppercased().split(separator: " ")
      switch words.first {
      case "PIPELINING": pipelining = true
      case "STARTTLS": startTLS = true
      case "8BITMIME": eightBitMIME = true
      case "ENHANCEDSTATUSCODES": enhancedStatusCodes = true
      case "CHUNKING": chunking = true
      case "DSN": dsn = true
      case "SMTPUTF8": smtpUTF8 = true
      case "SIZE": size = words.count > 1 ? UInt64(words[1]) ?? 0 : 0
      case "AUTH": authMechanisms.formUnion(words.dropFirst().map(String.init))
      default: break
      }
    }
  }
}
