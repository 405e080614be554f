// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// The authorities whose certificates clients may log in with: one file, read once. A server's context has it and asks
/// each client for such a certificate; what came of it, `TLSConnection` says.
///
/// `@unchecked Sendable`: the one stored reference is to an X509_STORE, which is filled in `init`, locks itself when a
/// chain is looked up in it, and whose references OpenSSL counts atomically.
package final class ClientAuthorities: @unchecked Sendable {
  private let store: OpaquePointer
  private let certificates: [OpaquePointer]
  /// The file, as errors call it.
  package let source: String
  /// When the first of them expires, in seconds since 1970.
  package let notAfter: Int64

  /// What stands in the file is trusted as it is, an authority under another one or a single device's certificate too:
  /// the admin need not trust more than he means.
  init(path: String) throws(TLSError) {
    let certificates = try CredentialFile(path: path).certificates()
    self.certificates = certificates
    source = path
    notAfter = certificates.compactMap(CertificateFacts.notAfter).min() ?? 0
    let store = X509_STORE_new()
    do throws(TLSError) {
      guard certificates.count <= TLSLimits.clientAuthoritiesMax else {
        throw .unusableFile(
          path: path,
          reason: "it holds \(certificates.count) certificates, more than \(TLSLimits.clientAuthoritiesMax): whoever "
            + "has one of any of these could log in; take only your own authority")
      }
      ErrorQueue.clear()
      guard let store, X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN)) == 1,
        certificates.allSatisfy({ X509_STORE_add_cert(store, $0) == 1 })
      else { throw .unusableFile(path: path, reason: ErrorQueue.reason()) }
      self.store = store
    } catch {
      X509_STORE_free(store)
      certificates.forEach(X509_free)
      throw error
    }
  }

  deinit {
    X509_STORE_free(store)
    certificates.forEach(X509_free)
  }

  /// Has a server ask. A client without a certificate gets its session all the same, and so does one whose certificate is
  /// not accepted: it may have one for somebody else, and log in by password.
  func beAsked(by context: TLSContext) throws(TLSError) {
    let pointer = context.pointer
    ErrorQueue.clear()
    // Not the store of the context, out of which OpenSSL would complete the chain that we show ourselves.
    guard cossl_ctx_set1_verify_store(pointer, store) == 1,
      certificates.allSatisfy({ cossl_ctx_add1_client_authority(pointer, $0) == 1 })
    else { throw .unusableFile(path: source, reason: ErrorQueue.reason()) }
    SSL_CTX_set_verify_depth(pointer, TLSLimits.chainDepthMax)
    cossl_ctx_set_max_cert_list(pointer, TLSLimits.clientChainOctetsMax)
    SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER) { verdict, store in
      if verdict != 1, let store { TLSConnection.noteFault(of: store) }
      return verdict
    }
    SSL_CTX_set_cert_verify_callback(
      pointer,
      { store, _ in
        TLSConnection.verifyClient(store)
        return 1
      }, nil)
    // A session that goes on shows no certificate and verifies none. One that had one is not continued: the client shows
    // it again, and dates, authorities and users are those of now. The name of the context is what OpenSSL wants here.
    let name = Array("postern".utf8)
    SSL_CTX_set_session_id_context(pointer, name, UInt32(name.count))
    SSL_CTX_set_session_ticket_cb(
      pointer, nil,
      { _, session, _, _, status, _ in
        guard status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW else {
          return SSL_TICKET_RETURN_IGNORE_RENEW
        }
        guard let session, SSL_SESSION_get0_peer(session) == nil else { return SSL_TICKET_RETURN_IGNORE }
        return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
      }, nil)
  }
}
