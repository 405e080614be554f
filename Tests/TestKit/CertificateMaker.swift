// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import COpenSSL

/// Makes a certificate authority and certificates under it (EC P-256), as PEM files in a directory that the test
/// owns. Slow enough to be shared by a suite: about a millisecond for each certificate.
package final class CertificateMaker {
  /// The files of one certificate, ready for `TLSContext.server`.
  package struct Files: Sendable, Hashable {
    package var certificate: String
    package var key: String
  }

  package struct Failure: Error, CustomStringConvertible {
    package var description: String
  }

  /// When a certificate is valid, seen from now.
  package enum Validity: Sendable {
    case current, expired, notYet

    fileprivate var seconds: (from: Int, to: Int) {
      switch self {
      case .current: (-3600, 86_400)
      case .expired: (-172_800, -86_400)
      case .notYet: (86_400, 172_800)
      }
    }
  }

  /// Path of the authority's certificate, for `TLSContext.client`.
  package let authority: String

  let directory: String
  let issuer: OpaquePointer
  let issuerKey: OpaquePointer

  /// Writes `NAME.pem` into the directory.
  package init(directory: String, authority name: String = "authority") throws {
    self.directory = directory
    authority = "\(directory)/\(name).pem"
    issuerKey = try Self.makeKey()
    issuer = try Self.makeCertificate(
      subject: "Postern test \(name)", key: issuerKey, issuer: nil, issuerKey: issuerKey, validity: .current,
      extensions: [(NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign")])
    try Self.write(to: authority) { PEM_write_bio_X509($0, issuer) }
  }

  deinit {
    X509_free(issuer)
    EVP_PKEY_free(issuerKey)
  }

  /// Writes `NAME.pem`, which holds a client's certificate, its key, and the authorities between it and ours. Its common
  /// name is `subject`, or the same; `alternatives` as OpenSSL writes them, `DNS:a,email:b`.
  package func makeIdentity(
    _ name: String, subject: String? = nil, alternatives: String? = nil, usage: String = "clientAuth",
    validity: Validity = .current, behind count: Int = 0
  ) throws -> String {
    let path = "\(directory)/\(name).pem"
    let key = try Self.makeKey()
    defer { EVP_PKEY_free(key) }
    let chain = try makeChain(count)
    defer { Self.free(chain) }
    let certificate = try Self.makeCertificate(
      subject: subject ?? name, key: key, issuer: chain.last?.certificate ?? issuer,
      issuerKey: chain.last?.key ?? issuerKey, validity: validity,
      extensions: [(NID_basic_constraints, "critical,CA:FALSE"), (NID_ext_key_usage, usage)]
        + (alternatives.map { [(NID_subject_alt_name, $0)] } ?? []))
    defer { X509_free(certificate) }
    try Self.write(to: path) { file in
      guard PEM_write_bio_X509(file, certificate) == 1,
        chain.reversed().allSatisfy({ PEM_write_bio_X509(file, $0.certificate) == 1 })
      else { return 0 }
      return PEM_write_bio_PrivateKey(file, key, nil, nil, 0, nil, nil)
    }
    return path
  }

  /// Writes `NAME.pem` and `NAME.key`: a server certificate for DNS names (wildcards as given) and IP addresses.
  package func makeCertificate(
    _ name: String, names: [String] = ["localhost"], addresses: [String] = [], validity: Validity = .current
  ) throws -> Files {
    let files = Files(certificate: "\(directory)/\(name).pem", key: "\(directory)/\(name).key")
    let key = try Self.makeKey()
    defer { EVP_PKEY_free(key) }
    let alternatives = names.map { "DNS:\($0)" } + addresses.map { "IP:\($0)" }
    let certificate = try Self.makeCertificate(
      subject: names.first ?? addresses.first ?? name, key: key, issuer: issuer, issuerKey: issuerKey,
      validity: validity,
      extensions: [
        (NID_basic_constraints, "critical,CA:FALSE"), (NID_ext_key_usage, "serverAuth"),
        (NID_subject_alt_name, alternatives.joined(separator: ",")),
      ])
    defer { X509_free(certificate) }
    try Self.write(to: files.certificate) { PEM_write_bio_X509($0, certificate) }
    try Self.write(to: files.key) { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
    return files
  }

  static func makeKey() throws -> OpaquePointer {
    guard let key = cossl_ec_generate("P-256") else { throw Failure(description: "no key generated") }
    return key
  }

  static func makeCertificate(
    subject: String, key: OpaquePointer, issuer: OpaquePointer?, issuerKey: OpaquePointer, validity: Validity,
    extensions: [(identifier: Int32, value: String)], digest: OpaquePointer? = EVP_sha256()
  ) throws -> OpaquePointer {
    guard let certificate = X509_new() else { throw Failure(description: "no certificate allocated") }
    X509_set_version(certificate, Int(X509_VERSION_3))
    // Its lowest octet comes first, and must not be 0: DER has no octets to spare (X.690 section 8.3.2).
    var serial: UInt64 = .random(in: 1...UInt64(Int64.max)) | 1
    ASN1_STRING_set(X509_get_serialNumber(certificate), &serial, 8)
    X509_gmtime_adj(X509_getm_notBefore(certificate), validity.seconds.from)
    X509_gmtime_adj(X509_getm_notAfter(certificate), validity.seconds.to)
    let name = X509_get_subject_name(certificate)
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, subject, Int32(subject.utf8.count), -1, 0)
    X509_set_issuer_name(certificate, issuer.map { X509_get_subject_name($0) } ?? name)
    X509_set_pubkey(certificate, key)
    for (identifier, value) in extensions {
      guard let made = X509V3_EXT_conf_nid(nil, nil, identifier, value) else {
        X509_free(certificate)
        throw Failure(description: "bad certificate extension \(value)")
      }
      X509_add_ext(certificate, made, -1)
      X509_EXTENSION_free(made)
    }
    guard X509_sign(certificate, issuerKey, digest) > 0 else {
      X509_free(certificate)
      throw Failure(description: "certificate for \(subject) not signed")
    }
    return certificate
  }

  static func write(to path: String, _ body: (OpaquePointer) -> Int32) throws {
    guard let file = BIO_new_file(path, "w") else { throw Failure(description: "cannot write \(path)") }
    let result = body(file)
    guard BIO_free(file) == 1, result == 1 else { throw Failure(description: "cannot write \(path)") }
  }
}
