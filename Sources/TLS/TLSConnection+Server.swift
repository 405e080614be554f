// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// What a client showed to a server that asks for certificates.
package enum ShownCertificate: Sendable, Hashable {
  /// It has none, or none that it wants to show here.
  case none
  /// An authority of ours stands behind it, it is valid now, it is for clients, and the client has its key. `names` are
  /// those that it is for, in its order: printable ASCII, never empty.
  case accepted(names: [String])
  case refused(reason: String)
}

/// The server's part: who its client is.
extension TLSConnection {
  /// nil: it was not asked for, or the handshake is not done.
  package var shownCertificate: ShownCertificate? {
    guard context.clientAuthorities != nil, SSL_is_init_finished(ssl) == 1 else { return nil }
    guard let certificate = SSL_get0_peer_certificate(ssl) else { return ShownCertificate.none }
    let result = SSL_get_verify_result(ssl)
    // In a session that goes on nothing was verified, whatever it remembers.
    guard isClientVerified, !isResumed, result == Int(X509_V_OK) else {
      return .refused(reason: verificationFault ?? String(cString: X509_verify_cert_error_string(result)))
    }
    let names = Self.names(of: certificate)
    guard !names.isEmpty else {
      return .refused(
        reason: "it has no name that a user could have (certificate \(CertificateFacts.subject(of: certificate)))")
    }
    return .accepted(names: names)
  }

  /// In place of OpenSSL's own call: the handshake goes on whatever comes of it, and what comes of it is kept.
  static func verifyClient(_ store: OpaquePointer?) {
    guard let store, let connection = connection(behind: store) else { return }
    connection.isClientVerified = X509_verify_cert(store) == 1
    if !connection.isClientVerified, X509_STORE_CTX_get_error(store) == Int32(X509_V_OK) {
      X509_STORE_CTX_set_error(store, Int32(X509_V_ERR_UNSPECIFIED))
    }
  }

  /// The e-mail addresses and host names that it is for; only where it has neither, its common name (RFC 6125 section
  /// 6.4.4 has the same order). What could be no user's name is left out, never mended: a NUL ends nothing here.
  private static func names(of certificate: OpaquePointer) -> [String] {
    let list = cossl_alternative_names(certificate)
    defer { cossl_names_free(list) }
    var texts: [UnsafePointer<ASN1_STRING>] = []
    if let list {
      for index in 0..<max(0, cossl_names_count(list)) {
        if let text = cossl_name_text(list, index) { texts.append(text) }
        if texts.count == TLSLimits.clientNamesMax { break }
      }
    }
    if texts.isEmpty {
      return commonName(of: certificate).map { [$0] } ?? []
    }
    return texts.compactMap { text in
      name(UnsafeBufferPointer(start: ASN1_STRING_get0_data(text), count: Int(ASN1_STRING_length(text))))
    }
  }

  /// The last one is the nearest to the subject.
  private static func commonName(of certificate: OpaquePointer) -> String? {
    let subject = X509_get_subject_name(certificate)
    var place: Int32 = -1
    while true {
      let next = X509_NAME_get_index_by_NID(subject, NID_commonName, place)
      if next < 0 { break }
      place = next
    }
    guard place >= 0, let entry = X509_NAME_get_entry(subject, place) else { return nil }
    var octets: UnsafeMutablePointer<UInt8>?
    let count = ASN1_STRING_to_UTF8(&octets, X509_NAME_ENTRY_get_data(entry))
    ErrorQueue.clear()
    guard count >= 0, let octets else { return nil }
    defer { cossl_free(octets) }
    return name(UnsafeBufferPointer(start: octets, count: Int(count)))
  }

  private static func name(_ octets: UnsafeBufferPointer<UInt8>) -> String? {
    guard (1...TLSLimits.clientNameOctetsMax).contains(octets.count),
      octets.allSatisfy({ (0x21...0x7E).contains($0) })
    else { return nil }
    return String(decoding: octets, as: UTF8.self)
  }
}
