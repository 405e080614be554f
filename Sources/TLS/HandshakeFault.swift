// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// Over what a client's handshake with a server of ours failed, as far as that decides what helps.
package enum HandshakeFault: Sendable, Hashable, CaseIterable {
  /// The client knows none of the versions that we may speak.
  case version
  /// The version would do, ciphers or signatures do not.
  case algorithms
  case clearText
  /// Not one octet came.
  case silence
  /// The client does not trust who stands behind our certificate.
  case unknownAuthority
  /// The certificate is wrong for the client in another way.
  case certificate
}

extension TLSConnection {
  /// What a client did, in words; nil for what only OpenSSL has words for.
  func clientFault(_ cause: ErrorQueue.Entry) -> TLSError? {
    if let reason = ForeignProtocol.reason(opening) { return .clientFailed(.clearText, reason: reason) }
    guard let fault = Self.fault(cause.code) else { return nil }
    let words =
      switch fault {
      case .version: "no common tls version: \(versions)"
      case .algorithms: "no common tls algorithms"
      case .clearText: "plaintext on a tls port"
      case .silence: "the client said nothing and left; one without tls waits for a greeting"
      case .unknownAuthority: "the client does not know our ca"
      case .certificate: "the client does not accept our certificate"
      }
    return .clientFailed(fault, reason: "\(words) (\(cause.text))")
  }

  /// The peer is gone before its handshake was done.
  func clientLeft() -> TLSError {
    guard opening.isEmpty else { return .handshakeFailed(reason: "the peer closed the connection") }
    return .clientFailed(
      .silence, reason: "the client said nothing and left; one without tls waits for a greeting")
  }

  /// Its time was over before its handshake was done.
  func clientTooSlow() -> TLSError {
    if opening.isEmpty {
      return .clientFailed(.silence, reason: "too slow: nothing came; it may wait for a greeting in clear")
    }
    guard let reason = ForeignProtocol.reason(opening) else {
      return .handshakeFailed(reason: "too slow: it began, and was not done in time")
    }
    return .clientFailed(.clearText, reason: "too slow: \(reason)")
  }

  private var versions: String {
    let offered =
      switch SSL_client_version(ssl) {
      case SSL3_VERSION: "ssl 3.0"
      case TLS1_VERSION: "tls 1.0"
      case TLS1_1_VERSION: "tls 1.1"
      case TLS1_2_VERSION: "tls 1.2"
      default: "another one"
      }
    return "the client offers \(offered), the least here is \(context.minimum.rawValue)"
  }

  private static func fault(_ code: Int32) -> HandshakeFault? {
    switch code {
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_NO_PROTOCOLS_AVAILABLE,
      SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      .version
    case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
      SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
      SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
      .algorithms
    case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST: .clearText
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA: .unknownAuthority
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
      SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
      SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      .certificate
    default: nil
    }
  }
}
