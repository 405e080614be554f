// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// The lowest version of TLS that a side accepts.
package enum TLSVersion: String, Sendable {
  /// For old devices, with what the system forbids everybody else: SHA-1 and MD5 in signatures, keys of 1024 bits.
  case v10 = "1.0"
  case v12 = "1.2"
  case v13 = "1.3"

  fileprivate var number: Int32 {
    switch self {
    case .v10: TLS1_VERSION
    case .v12: TLS1_2_VERSION
    case .v13: TLS1_3_VERSION
    }
  }
}

/// What all connections of one side share: certificate and key, what is trusted, and of a client that resumes the
/// sessions that it may resume. Built at start and on reload, then immutable but for these; connections that were made
/// from an old one keep it alive.
///
/// `@unchecked Sendable`: the one stored reference that is not Sendable is to an SSL_CTX, which counts its references
/// atomically, locks what it changes by itself (ticket keys, statistics), and is not configured any more once `server`
/// or `client` has returned it.
package final class TLSContext: @unchecked Sendable {
  let pointer: OpaquePointer
  let minimum: TLSVersion

  /// When the certificate of a server expires, in seconds since 1970. An expired certificate is still presented: the
  /// client decides, and the administrator is warned.
  package let notAfter: Int64?
  /// Whose certificates a server asks its clients for; nil: it asks for none, and continues their sessions.
  package let clientAuthorities: ClientAuthorities?
  /// What a client makes of a server's certificate.
  let verification: ServerVerification
  /// nil: each handshake is a full one, or it is a server's, whose clients keep the tickets.
  let sessions: SessionStore?
  /// What a client shows to a server that asks for it.
  package let identity: ClientIdentity?

  /// Adopts the pointer, which `make` made.
  init(
    _ pointer: OpaquePointer, minimum: TLSVersion, notAfter: Int64? = nil, clientAuthorities: ClientAuthorities? = nil,
    verification: ServerVerification = .chain, sessions: SessionStore? = nil, identity: ClientIdentity? = nil
  ) {
    self.pointer = pointer
    self.minimum = minimum
    self.notAfter = notAfter
    self.clientAuthorities = clientAuthorities
    self.verification = verification
    self.sessions = sessions
    self.identity = identity
  }

  deinit {
    SSL_CTX_free(pointer)
  }

  /// Presents the certificate chain in one file with the key in another (or the same). `clientAuthorities` is a third:
  /// clients are asked for a certificate of theirs, and need not have one.
  package static func server(
    certificate: String, key: String, minimum: TLSVersion, clientAuthorities: String? = nil
  ) throws(TLSError) -> TLSContext {
    let chain = try CredentialFile(path: certificate).certificates()
    defer { chain.forEach(X509_free) }
    let privateKey = try CredentialFile(path: key).privateKey()
    defer { EVP_PKEY_free(privateKey) }
    guard X509_check_private_key(chain[0], privateKey) == 1 else {
      ErrorQueue.clear()
      throw .unusableFile(path: key, reason: "it is not the key of the first certificate in \(certificate)")
    }

    var authorities: ClientAuthorities?
    if let clientAuthorities { authorities = try ClientAuthorities(path: clientAuthorities) }
    let context = TLSContext(
      try make(TLS_server_method(), minimum: minimum), minimum: minimum,
      notAfter: CertificateFacts.notAfter(of: chain[0]), clientAuthorities: authorities)
    try context.present(chain, of: certificate, privateKey, of: key)
    SSL_CTX_set_options(context.pointer, COSSL_OP_CIPHER_SERVER_PREFERENCE)
    // Sessions are resumed from tickets that the client keeps; a cache here would only hold memory.
    cossl_ctx_set_session_cache_mode(context.pointer, SSL_SESS_CACHE_OFF)
    SSL_CTX_set_num_tickets(context.pointer, TLSLimits.ticketsPerSession)
    try authorities?.beAsked(by: context)
    return context
  }

  /// While it is being built.
  func present(
    _ chain: [OpaquePointer], of certificate: String, _ privateKey: OpaquePointer, of key: String
  ) throws(TLSError) {
    ErrorQueue.clear()
    guard SSL_CTX_use_certificate(pointer, chain[0]) == 1 else {
      throw .unusableFile(path: certificate, reason: ErrorQueue.reason())
    }
    for issuer in chain.dropFirst() where cossl_ctx_add1_chain_cert(pointer, issuer) != 1 {
      throw .unusableFile(path: certificate, reason: ErrorQueue.reason())
    }
    guard SSL_CTX_use_PrivateKey(pointer, privateKey) == 1 else {
      throw .unusableFile(path: key, reason: ErrorQueue.reason())
    }
  }

  static func make(_ method: OpaquePointer?, minimum: TLSVersion) throws(TLSError) -> OpaquePointer {
    ErrorQueue.clear()
    guard let pointer = SSL_CTX_new(method) else { throw .unavailable(reason: ErrorQueue.reason()) }
    guard cossl_ctx_set_min_proto_version(pointer, minimum.number) == 1 else {
      SSL_CTX_free(pointer)
      throw .unavailable(reason: "no tls \(minimum.rawValue) here (\(ErrorQueue.reason()))")
    }
    if minimum == .v10 {
      guard SSL_CTX_set_cipher_list(pointer, "DEFAULT@SECLEVEL=0") == 1 else {
        SSL_CTX_free(pointer)
        throw .unavailable(reason: "no tls \(minimum.rawValue) here (\(ErrorQueue.reason()))")
      }
    }
    SSL_CTX_set_options(pointer, COSSL_OP_NO_COMPRESSION | COSSL_OP_NO_RENEGOTIATION)
    cossl_ctx_set_mode(
      pointer,
      UInt32(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
    return pointer
  }
}
