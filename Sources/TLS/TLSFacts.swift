// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What a handshake agreed on, for logs and trace fields.
package struct TLSFacts: Sendable, Hashable {
  /// `TLSv1.2` or `TLSv1.3`.
  package var version: String
  /// The cipher suite in OpenSSL's spelling, such as `TLS_AES_256_GCM_SHA384`.
  package var cipher: String
  /// Secret bits of the cipher.
  package var bits: Int
  /// The session continued an earlier one: no certificate was exchanged.
  package var resumed: Bool

  package init(version: String, cipher: String, bits: Int, resumed: Bool) {
    self.version = version
    self.cipher = cipher
    self.bits = bits
    self.resumed = resumed
  }
}

/// User outbound event for `TLSHandler`, from who keeps the time.
package enum TLSOrder: Sendable, Equatable {
  /// Ends a handshake that is not done, with an error that says how far it came.
  case endHandshake
}

/// User inbound event of `TLSHandler`. It precedes all plaintext; a failure arrives as an error instead.
package enum TLSEvent: Sendable, Equatable {
  case handshakeCompleted(TLSFacts)
}
