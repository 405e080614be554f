// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What can go wrong with TLS; the case says whose it is to repair.
package enum TLSError: Error, Sendable, Equatable {
  /// The administrator's: a certificate, key or authorities file cannot be used.
  case unusableFile(path: String, reason: String)
  /// The administrator's: this machine's OpenSSL does not do what was asked of it.
  case unavailable(reason: String)
  /// The peer's certificate is not one that we accept for the name that we asked for. Never retried without TLS.
  case verificationFailed(reason: String)
  /// The peer does not speak TLS, has nothing in common with us, or gave up.
  case handshakeFailed(reason: String)
  /// The same, of a client whose fault we can name.
  case clientFailed(HandshakeFault, reason: String)
  /// The server does not accept the certificate that we showed, or wants one that we do not have.
  case identityRefused(reason: String)
  /// The peer broke the protocol, or sent an alert, after the handshake.
  case protocolViolation(reason: String)
  /// The peer's octets ended without its close_notify: what came may be incomplete.
  case truncated
  /// The connection was closed before this could be written.
  case closed
}

extension TLSError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unusableFile(let path, let reason): "cannot use \(path): \(reason)"
    case .unavailable(let reason): "cannot set up tls: \(reason)"
    case .verificationFailed(let reason): "tls certificate of the peer not accepted: \(reason)"
    case .handshakeFailed(let reason), .clientFailed(_, let reason): "tls handshake failed: \(reason)"
    case .identityRefused(let reason): "tls client certificate: \(reason)"
    case .protocolViolation(let reason): "tls connection failed: \(reason)"
    case .truncated: "tls connection ended without close_notify"
    case .closed: "tls connection is closed"
    }
  }
}
