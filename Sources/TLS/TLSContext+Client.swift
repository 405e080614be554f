// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
import Glibc

/// What must be true of a server's certificate. There is no way to ask for nothing.
package enum ServerVerification: Sendable, Hashable {
  /// It is valid now, it is for the name that we asked for, and an authority that we trust stands behind it.
  case chain
  /// Its key is one of these: SHA-256 of SubjectPublicKeyInfo. Authorities, names and dates add nothing to a key that is
  /// known, and are not looked at (RFC 7671 section 5.1 says the same of DANE-EE).
  case pins(Set<[UInt8]>)
}

extension TLSContext {
  /// Verifies every server as `verification` wants it: the chain against the authorities in a file or, when that is nil,
  /// those that the system trusts. `resumes`: sessions are continued, within `TLSLimits`, by connections of this
  /// context alone.
  package static func client(
    authorities: String?, minimum: TLSVersion, verification: ServerVerification = .chain,
    identity: ClientIdentity? = nil, resumes: Bool = false
  ) throws(TLSError) -> TLSContext {
    let pointer = try make(TLS_client_method(), minimum: minimum)
    let context = TLSContext(
      pointer, minimum: minimum, verification: verification, sessions: resumes ? SessionStore() : nil,
      identity: identity)
    ErrorQueue.clear()
    if let authorities {
      let certificates = try CredentialFile(path: authorities).certificates()
      defer { certificates.forEach(X509_free) }
      let store = SSL_CTX_get_cert_store(pointer)
      for certificate in certificates where X509_STORE_add_cert(store, certificate) != 1 {
        throw .unusableFile(path: authorities, reason: ErrorQueue.reason())
      }
    } else {
      // From a directory with names by hash an authority is read when a chain needs it. The one file with all of them
      // would cost each start 20 ms and each process 2 MB.
      let isLoaded =
        hasHashedAuthorities
        ? SSL_CTX_set_default_verify_dir(pointer) : SSL_CTX_set_default_verify_paths(pointer)
      guard isLoaded == 1 else {
        throw .unavailable(reason: "the system's authorities cannot be loaded (\(ErrorQueue.reason()))")
      }
    }
    try context.finishClient()
    return context
  }

  /// The same client with another certificate, and no session of the old one.
  package func presenting(_ identity: ClientIdentity?) throws(TLSError) -> TLSContext {
    let context = TLSContext(
      try Self.make(TLS_client_method(), minimum: minimum), minimum: minimum, verification: verification,
      sessions: sessions.map { _ in SessionStore() }, identity: identity)
    // Both look things up in it, and OpenSSL counts its references.
    SSL_CTX_set1_cert_store(context.pointer, SSL_CTX_get_cert_store(pointer))
    try context.finishClient()
    return context
  }

  private func finishClient() throws(TLSError) {
    SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
    SSL_CTX_set_verify_depth(pointer, TLSLimits.chainDepthMax)
    if case .pins = verification {
      SSL_CTX_set_cert_verify_callback(pointer, { store, _ in TLSConnection.verifyPin(store) ? 1 : 0 }, nil)
    }
    if let identity { try identity.present(to: self) }
    SSL_CTX_set_cert_cb(
      pointer,
      { ssl, _ in
        if let ssl { ByteBufferBIO.connection(of: ssl)?.isCertificateAsked = true }
        return 1
      }, nil)
    guard sessions != nil else { return cossl_ctx_set_session_cache_mode(pointer, SSL_SESS_CACHE_OFF) }
    cossl_ctx_set_session_cache_mode(pointer, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL)
    // 1: the session is ours from now on.
    SSL_CTX_sess_set_new_cb(pointer) { ssl, session in
      guard let ssl, let session, let connection = ByteBufferBIO.connection(of: ssl) else { return 0 }
      connection.keep(TLSSession(adopting: session))
      return 1
    }
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
}
