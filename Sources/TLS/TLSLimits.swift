// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Every bound of this target.
enum TLSLimits {
  /// A larger certificate, key or authorities file is a mistake; Debian's bundle of all authorities has 220 KiB.
  static let fileOctetsMax = 4 << 20

  /// Plaintext of one record (RFC 8446 section 5.1); small writes are gathered up to it.
  static let recordOctetsMax = 16 << 10

  /// Record header, nonce, padding and tag of the largest cipher suite in use, rounded up.
  static let recordOverheadOctets = 64

  /// Ciphertext is passed on in pieces of about this size, so that one large write does not need one large buffer.
  static let pieceOctets = 64 << 10

  /// Largest buffer that plaintext is delivered in.
  static let plaintextOctetsMax = 64 << 10

  /// Session tickets for each TLS 1.3 handshake. A mail client resumes with one.
  static let ticketsPerSession = 1

  /// Keying material that a login is bound to (RFC 9266 section 4.1).
  static let exporterOctets = 32

  /// A certificate's subject is cut here when it is shown.
  static let subjectOctetsMax = 200
}
