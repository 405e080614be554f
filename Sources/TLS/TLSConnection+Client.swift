// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
import Glibc

/// The client's part: whom it speaks to, what it makes of the certificate, and sessions that go on.
extension TLSConnection {
  func becomeClient(of serverName: String) throws(TLSError) {
    let name = serverName.hasSuffix(".") ? String(serverName.dropLast()) : serverName
    // OpenSSL takes an empty name for the wish to check none, and reads no further than a NUL.
    guard !name.isEmpty, !name.utf8.contains(0) else {
      throw .unavailable(reason: "no server name to verify")
    }
    self.serverName = name
    SSL_set_connect_state(ssl)
    SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    ErrorQueue.clear()
    let isAddress = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1
    if !isAddress {
      ErrorQueue.clear()
      // RFC 6066 section 3: the extension is for names only.
      guard SSL_set1_host(ssl, name) == 1, cossl_set_tlsext_host_name(ssl, name) == 1 else {
        throw .unavailable(reason: "\(name) is no server name (\(ErrorQueue.reason()))")
      }
    }
    SSL_set_verify(ssl, SSL_VERIFY_PEER) { verdict, store in
      if verdict != 1, let store { TLSConnection.noteFault(of: store) }
      return verdict
    }
    guard let session = context.sessions?.take(for: name, now: Self.now) else { return }
    if SSL_set_session(ssl, session.pointer) == 1 { offered = session }
  }

  /// Keeps the first fault of a verification, with the place in the chain, which the final result does not tell.
  static func noteFault(of store: OpaquePointer) {
    guard let connection = connection(behind: store), connection.verificationFault == nil else { return }
    let text = String(cString: X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(store))))
    let depth = X509_STORE_CTX_get_error_depth(store)
    let subject =
      X509_STORE_CTX_get_current_cert(store).map { ", certificate \(CertificateFacts.subject(of: $0))" } ?? ""
    connection.verificationFault = "\(text) (depth \(depth)\(subject))"
  }

  static func connection(behind store: OpaquePointer) -> TLSConnection? {
    let index = SSL_get_ex_data_X509_STORE_CTX_idx()
    return X509_STORE_CTX_get_ex_data(store, index).map(OpaquePointer.init).flatMap(ByteBufferBIO.connection(of:))
  }

  /// In place of the chain's verification. That the server has the key is what the handshake itself shows.
  static func verifyPin(_ store: OpaquePointer?) -> Bool {
    guard let store, let connection = connection(behind: store), let certificate = X509_STORE_CTX_get0_cert(store)
    else { return false }
    connection.verificationFault = connection.fault(ofPinned: certificate)
    let isGood = connection.verificationFault == nil
    X509_STORE_CTX_set_error(store, isGood ? Int32(X509_V_OK) : Int32(X509_V_ERR_APPLICATION_VERIFICATION))
    return isGood
  }

  /// nil: it is one of the pins.
  private func fault(ofPinned certificate: OpaquePointer) -> String? {
    let subject = CertificateFacts.subject(of: certificate)
    guard case .pins(let pins) = context.verification, let pin = CertificateFacts.pin(of: certificate) else {
      return "its key cannot be read (certificate \(subject))"
    }
    guard pins.contains(pin) else {
      return "its key is none of 'tls_pins', it is \"\(CertificateFacts.base64(pin))\" (certificate \(subject))"
    }
    let bits = EVP_PKEY_get_security_bits(X509_get0_pubkey(certificate))
    guard bits >= TLSLimits.pinnedSecurityBitsMin else {
      return "its key is pinned and too weak to say who has it (certificate \(subject))"
    }
    return nil
  }

  // MARK: sessions

  /// Of the session that just came from the server.
  func keep(_ session: TLSSession) {
    guard let sessions = context.sessions, let serverName else { return }
    let now = Self.now
    // A chain of sessions is no younger than the verification that it begins with.
    session.verifiedAt = isResumed ? offered?.verifiedAt ?? 0 : now
    sessions.keep(session, for: serverName, now: now, heedingDates: context.verification == .chain)
  }

  var isResumed: Bool { SSL_session_reused(ssl) == 1 }

  /// In a session that goes on no certificate comes; the one that it began with must still be one that we accept.
  func checkResumed() throws(TLSError) {
    guard isResumed, serverName != nil else { return }
    var fault: String?
    if SSL_get_verify_result(ssl) != Int(X509_V_OK) { fault = "it was not verified" }
    if case .pins = context.verification {
      fault = SSL_get0_peer_certificate(ssl).map(self.fault(ofPinned:)) ?? "it has no certificate"
    }
    guard let fault else { return }
    context.sessions?.removeAll()
    throw .verificationFailed(reason: "the session that goes on: \(fault)")
  }

  private static var now: Int64 { Int64(time(nil)) }
}

// MARK: - What is asked behind the handshake

extension TLSConnection {
  /// Of the peer, in full or from the session that goes on; nil before the handshake, and if it showed none.
  package var peerCertificate: CertificateFacts? {
    SSL_get0_peer_certificate(ssl).flatMap(CertificateFacts.init)
  }
}
