// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// What a login can be bound to (RFC 5056). Asked for behind the handshake, by either side.
extension TLSConnection {
  /// Exported keying material for `tls-exporter` (RFC 9266 section 4); nil below TLS 1.3, where a session may be shared
  /// with somebody in between unless both sides have the extended master secret.
  package var exporterBinding: [UInt8]? {
    guard SSL_is_init_finished(ssl) == 1, SSL_version(ssl) >= TLS1_3_VERSION else { return nil }
    let label = "EXPORTER-Channel-Binding"
    ErrorQueue.clear()
    let material = [UInt8](unsafeUninitializedCapacity: TLSLimits.exporterOctets) { material, count in
      let result = SSL_export_keying_material(
        ssl, material.baseAddress, TLSLimits.exporterOctets, label, label.utf8.count, nil, 0, 0)
      count = result == 1 ? TLSLimits.exporterOctets : 0
    }
    return material.isEmpty ? nil : material
  }

  /// Hash of the server's certificate for `tls-server-end-point` (RFC 5929 section 4.1): by the hash that signed it, and
  /// SHA-256 for one that is too weak; nil if the signature names none.
  package var serverEndPointBinding: [UInt8]? {
    let isServer = SSL_is_server(ssl) == 1
    guard let certificate = isServer ? SSL_get_certificate(ssl) : SSL_get1_peer_certificate(ssl) else { return nil }
    defer { if !isServer { X509_free(certificate) } }
    ErrorQueue.clear()
    var digest: Int32 = 0
    guard X509_get_signature_info(certificate, &digest, nil, nil, nil) == 1, digest != NID_undef else { return nil }
    if digest == NID_md5 || digest == NID_sha1 || digest == NID_md5_sha1 { digest = NID_sha256 }
    guard let method = EVP_get_digestbyname(OBJ_nid2sn(digest)) else { return nil }
    let hash = [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { hash, count in
      var written: UInt32 = 0
      count = X509_digest(certificate, method, hash.baseAddress, &written) == 1 ? Int(written) : 0
    }
    return hash.isEmpty ? nil : hash
  }
}
