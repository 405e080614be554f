// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
import Glibc

/// The lowest version of TLS that a side accepts.
package enum TLSVersion: String, Sendable {
  case v12 = "1.2"
  case v13 = "1.3"

  fileprivate var number: Int32 {
    switch self {
    case .v12: TLS1_2_VERSION
    case .v13: TLS1_3_VERSION
    }
  }
}

/// What all connections of one side share: certificate and key, or the authorities that are trusted. Built at start
/// and on reload, then immutable; connections that were made from an old one keep it alive.
///
/// `@unchecked Sendable`: the one stored reference is to an SSL_CTX, which counts its references atomically, locks
/// what it changes by itself (ticket keys, statistics), and is not configured any more once `server` or `client` has
/// returned it.
package final class TLSContext: @unchecked Sendable {
  let pointer: OpaquePointer

  /// When the certificate of a server expires, in seconds since 1970. An expired certificate is still presented: the
  /// client decides, and the administrator is warned.
  package let notAfter: Int64?

  private init(pointer: OpaquePointer, notAfter: Int64?) {
    self.pointer = pointer
    self.notAfter = notAfter
  }

  deinit {
    SSL_CTX_free(pointer)
  }

  /// Presents the certificate chain in one file with the key in another (or the same).
  package static func server(
    certificate: String, key: String, minimum: TLSVersion
  ) throws(TLSError) -> TLSContext {
    let chain = try CredentialFile(path: certificate).certificates()
    defer { chain.forEach(X509_free) }
    let privateKey = try CredentialFile(path: key).privateKey()
    defer { EVP_PKEY_free(privateKey) }
    guard X509_check_private_key(chain[0], privateKey) == 1 else {
      ErrorQueue.clear()
      throw .unusableFile(path: key, reason: "it is not the key of the first certificate in \(certificate)")
    }

    let context = TLSContext(pointer: try make(TLS_server_method(), minimum: minimum), notAfter: expiry(of: chain[0]))
    ErrorQueue.clear()
    guard SSL_CTX_use_certificate(context.pointer, chain[0]) == 1 else {
      throw .unusableFile(path: certificate, reason: ErrorQueue.reason())
    }
    for issuer in chain.dropFirst() where cossl_ctx_add1_chain_cert(context.pointer, issuer) != 1 {
      throw .unusableFile(path: certificate, reason: ErrorQueue.reason())
    }
    guard SSL_CTX_use_PrivateKey(context.pointer, privateKey) == 1 else {
      throw .unusableFile(path: key, reason: ErrorQueue.reason())
    }
    SSL_CTX_set_options(context.pointer, COSSL_OP_CIPHER_SERVER_PREFERENCE)
    // Sessions are resumed from tickets that the client keeps; a cache here would only hold memory.
    cossl_ctx_set_session_cache_mode(context.pointer, SSL_SESS_CACHE_OFF)
    SSL_CTX_set_num_tickets(context.pointer, TLSLimits.ticketsPerSession)
    return context
  }

  /// Verifies every server, against the authorities in a file or, when that is nil, those that the system trusts.
  package static func client(authorities: String?, minimum: TLSVersion) throws(TLSError) -> TLSContext {
    let context = TLSContext(pointer: try make(TLS_client_method(), minimum: minimum), notAfter: nil)
    ErrorQueue.clear()
    if let authorities {
      let certificates = try CredentialFile(path: authorities).certificates()
      defer { certificates.forEach(X509_free) }
      let store = SSL_CTX_get_cert_store(context.pointer)
      for certificate in certificates where X509_STORE_add_cert(store, certificate) != 1 {
        throw .unusableFile(path: authorities, reason: ErrorQueue.reason())
      }
    } else {
      // From a directory with names by hash an authority is read when a chain needs it. The one file with all of them
      // would cost each start 20 ms and each process 2 MB.
      let isLoaded =
        hasHashedAuthorities
        ? SSL_CTX_set_default_verify_dir(context.pointer) : SSL_CTX_set_default_verify_paths(context.pointer)
      guard isLoaded == 1 else {
        throw .unavailable(reason: "the system's authorities cannot be loaded (\(ErrorQueue.reason()))")
      }
    }
    SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER, nil)
    return context
  }

  /// `c_rehash` has made the links by which OpenSSL finds an authority, as Debian's ca-certificates does.
  private static var hasHashedAuthorities: Bool {
    let paths = getenv(X509_get_default_cert_dir_env()).map { String(cString: $0) }
    let path = paths ?? String(cString: X509_get_default_cert_dir())
    return path.split(separator: ":").contains { folder in
      guard let stream = opendir(String(folder)) else { return false }
      defer { closedir(stream) }
      while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name.utf8.count == 10, name.hasSuffix(".0") { return true }
      }
      return false
    }
  }

  private static func make(_ method: OpaquePointer?, minimum: TLSVersion) throws(TLSError) -> OpaquePointer {
    ErrorQueue.clear()
    guard let pointer = SSL_CTX_new(method) else { throw .unavailable(reason: ErrorQueue.reason()) }
    guard cossl_ctx_set_min_proto_version(pointer, minimum.number) == 1 else {
      SSL_CTX_free(pointer)
      throw .unavailable(reason: "no tls \(minimum.rawValue) here (\(ErrorQueue.reason()))")
    }
    SSL_CTX_set_options(pointer, COSSL_OP_NO_COMPRESSION | COSSL_OP_NO_RENEGOTIATION)
    cossl_ctx_set_mode(
      pointer,
      UInt32(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
    return pointer
  }

  private static func expiry(of certificate: OpaquePointer) -> Int64? {
    let epoch = ASN1_TIME_set(nil, 0)
    defer { ASN1_TIME_free(epoch) }
    var days: Int32 = 0
    var seconds: Int32 = 0
    guard ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(certificate)) == 1 else { return nil }
    return Int64(days) * 86_400 + Int64(seconds)
  }
}
