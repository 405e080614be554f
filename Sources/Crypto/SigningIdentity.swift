// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// An RSA key with the certificate that others know it by: who we are at an authorization server that was given the
/// certificate. The token client signs assertions with it; nothing else does, and the key never leaves it.
///
/// `@unchecked Sendable`: the one stored reference is to an EVP_PKEY that is never changed once `init` has read it, and
/// OpenSSL locks what signing keeps in it.
package final class SigningIdentity: @unchecked Sendable {
  /// The two signatures of RFC 7518 section 3 for an RSA key with SHA-256.
  package enum Algorithm: String, Sendable, CaseIterable {
    /// RSASSA-PKCS1-v1_5.
    case rs256 = "RS256"
    /// RSASSA-PSS.
    case ps256 = "PS256"
  }

  private let key: OpaquePointer
  /// Digests of the certificate in DER, by which the other side finds it (RFC 7515 sections 4.1.7 and 4.1.8).
  package let sha1Thumbprint: [UInt8]
  package let sha256Thumbprint: [UInt8]
  /// When the certificate expires, in seconds since 1970.
  package let notAfter: Int64

  /// Shorter keys are refused by the authorization servers too (RFC 7518 section 3.3).
  package static let keyBitsMin = 2048

  /// `pem` holds the private key and its certificate, in any order; of several certificates the first is meant.
  package init(pem: Secret) throws(SigningError) {
    var octets = pem.octets
    defer { octets.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
    let certificate = try Self.certificate(in: octets)
    defer { X509_free(certificate) }
    let key = try Self.privateKey(in: octets)
    do throws(SigningError) {
      try Self.check(key, of: certificate)
      sha1Thumbprint = try Self.digest(certificate, EVP_sha1())
      sha256Thumbprint = try Self.digest(certificate, EVP_sha256())
      notAfter = try Self.expiry(of: certificate)
    } catch {
      EVP_PKEY_free(key)
      throw error
    }
    self.key = key
  }

  deinit {
    EVP_PKEY_free(key)
  }

  package func sign(_ message: [UInt8], _ algorithm: Algorithm) throws(SigningError) -> [UInt8] {
    ERR_clear_error()
    guard let context = EVP_MD_CTX_new() else { throw .failed(Self.reason()) }
    defer { EVP_MD_CTX_free(context) }
    var parameters: OpaquePointer?
    guard EVP_DigestSignInit(context, &parameters, EVP_sha256(), nil, key) == 1 else { throw .failed(Self.reason()) }
    if algorithm == .ps256 {
      // RFC 7518 section 3.5: the salt is as long as the digest.
      guard EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1,
        EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1
      else { throw .failed(Self.reason()) }
    }
    var count = Int(EVP_PKEY_get_size(key))
    var signature = [UInt8](repeating: 0, count: count)
    guard EVP_DigestSign(context, &signature, &count, message, message.count) == 1 else {
      throw .failed(Self.reason())
    }
    return Array(signature.prefix(count))
  }

  // MARK: reading

  private static func certificate(in pem: [UInt8]) throws(SigningError) -> OpaquePointer {
    ERR_clear_error()
    let source = BIO_new_mem_buf(pem, Int32(pem.count))
    defer { BIO_free(source) }
    if let certificate = PEM_read_bio_X509(source, nil, nil, nil) { return certificate }
    throw holds("CERTIFICATE", pem) ? .damagedCertificate(reason()) : .noCertificate
  }

  private static func privateKey(in pem: [UInt8]) throws(SigningError) -> OpaquePointer {
    ERR_clear_error()
    let source = BIO_new_mem_buf(pem, Int32(pem.count))
    defer { BIO_free(source) }
    var isEncrypted = false
    // Without a callback OpenSSL would ask for the passphrase on the terminal.
    let key = PEM_read_bio_PrivateKey(
      source, nil,
      { _, _, _, isEncrypted in
        isEncrypted?.assumingMemoryBound(to: Bool.self).pointee = true
        return -1
      }, &isEncrypted)
    if let key { return key }
    if isEncrypted { throw .encryptedKey }
    throw holds("PRIVATE KEY", pem) ? .damagedKey(reason()) : .noKey
  }

  private static func check(_ key: OpaquePointer, of certificate: OpaquePointer) throws(SigningError) {
    guard EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA else { throw .notRSA }
    let bits = Int(EVP_PKEY_get_bits(key))
    guard bits >= keyBitsMin else { throw .keyTooSmall(bits: bits) }
    guard X509_check_private_key(certificate, key) == 1 else {
      ERR_clear_error()
      throw .keyOfAnotherCertificate
    }
  }

  /// OpenSSL's errors do not tell what is missing from what is damaged.
  private static func holds(_ label: String, _ pem: [UInt8]) -> Bool {
    pem.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.contains { line in
      line.starts(with: "-----BEGIN ".utf8) && line.suffix(label.utf8.count + 5).elementsEqual("\(label)-----".utf8)
    }
  }

  private static func digest(_ certificate: OpaquePointer, _ kind: OpaquePointer?) throws(SigningError) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    guard X509_digest(certificate, kind, &digest, &count) == 1 else { throw .damagedCertificate(reason()) }
    return Array(digest.prefix(Int(count)))
  }

  private static func expiry(of certificate: OpaquePointer) throws(SigningError) -> Int64 {
    let epoch = ASN1_TIME_set(nil, 0)
    defer { ASN1_TIME_free(epoch) }
    var days: Int32 = 0
    var seconds: Int32 = 0
    guard ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(certificate)) == 1 else {
      throw .damagedCertificate("its end of validity cannot be read")
    }
    return Int64(days) * 86_400 + Int64(seconds)
  }

  /// Of the call that has just failed.
  private static func reason() -> String {
    let error = ERR_get_error()
    ERR_clear_error()
    guard error != 0 else { return "no reason given" }
    return ERR_reason_error_string(error).map { String(cString: $0) } ?? "error code \(error)"
  }
}

/// Why a key and its certificate cannot be used; all but the last are the admin's to mend.
package enum SigningError: Error, Sendable, Equatable {
  case noCertificate
  case damagedCertificate(String)
  case noKey
  case encryptedKey
  case damagedKey(String)
  case notRSA
  case keyTooSmall(bits: Int)
  case keyOfAnotherCertificate
  /// This machine's OpenSSL does not do what was asked of it.
  case failed(String)
}

extension SigningError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .noCertificate: "it holds no certificate in pem form"
    case .damagedCertificate(let reason): "the certificate in it is damaged (\(reason))"
    case .noKey: "it holds no private key in pem form"
    case .encryptedKey: "the private key in it is encrypted; store it without a passphrase"
    case .damagedKey(let reason): "the private key in it is damaged or of an unknown kind (\(reason))"
    case .notRSA: "the private key in it is no RSA key, and authorization servers take no other"
    case .keyTooSmall(let bits):
      "the private key in it has \(bits) bits, fewer than \(SigningIdentity.keyBitsMin)"
    case .keyOfAnotherCertificate: "the private key in it is not that of its first certificate"
    case .failed(let reason): "cannot sign: \(reason)"
    }
  }
}
