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

  /// Ciphertext in a row that brings no plaintext: handshake, alerts, empty records, updates of keys. A handshake needs
  /// twice a ClientHello, which OpenSSL takes up to 128 KiB, and a chain at most; behind it each record has work for us.
  static let silentOctetsMax = 320 << 10

  /// What a client begins with is kept so far, to say what it speaks if it is no TLS.
  static let openingOctetsMax = 16

  /// Ciphertext is passed on in pieces of about this size, so that one large write does not need one large buffer.
  static let pieceOctets = 64 << 10

  /// Largest buffer that plaintext is delivered in.
  static let plaintextOctetsMax = 64 << 10

  /// Session tickets for each TLS 1.3 handshake. A mail client resumes with one.
  static let ticketsPerSession = 1

  /// Authorities between a server's certificate and one that we trust. Two or three are usual; OpenSSL's own bound, 100,
  /// is work that anybody could give us before we know him.
  static let chainDepthMax: Int32 = 9

  /// The certificates that a client shows: nine of the largest that are usual. OpenSSL's own bound is three times that.
  static let clientChainOctetsMax = 32 << 10

  /// Authorities whose certificates clients may show. All are named to each client; and who lists those of the whole
  /// world lets in whoever has a certificate of any.
  static let clientAuthoritiesMax = 20

  /// Names of a client's certificate that are looked up.
  static let clientNamesMax = 20
  /// The longest that a user can have.
  static let clientNameOctetsMax = 255

  /// Sessions that a client keeps for an upstream: each holds a certificate chain, a few KiB. Connections of one account
  /// come in twos and threes, and a ticket of TLS 1.3 is good for one.
  static let sessionsMax = 8

  /// How long a session may go on since its server's certificate was verified: an authority that was taken out of the
  /// system's store is missed after an hour.
  static let sessionSeconds: Int64 = 3600

  /// Work to find the private key of a pin, as a power of two: RSA with 2048 bits has 112.
  static let pinnedSecurityBitsMin: Int32 = 112

  /// Keying material that a login is bound to (RFC 9266 section 4.1).
  static let exporterOctets = 32

  /// A certificate's subject is cut here when it is shown.
  static let subjectOctetsMax = 200
}
