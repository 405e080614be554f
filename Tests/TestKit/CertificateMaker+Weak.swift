// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import COpenSSL

extension CertificateMaker {
  /// What is wrong with a certificate whose name and dates are right.
  package enum Weakness: String, Sendable, CaseIterable {
    case selfSigned = "self-signed"
    case signedWithSHA1 = "signed with SHA-1"
    case keyOf512Bits = "with an RSA key of 512 bits"
    case chainOf100 = "at the end of a chain of 100"
  }

  /// Has a server show a certificate for `localhost` that nobody should take. `context` is the server's SSL_CTX, which
  /// would not show such a thing by itself.
  package func install(_ weakness: Weakness, on context: OpaquePointer) throws {
    SSL_CTX_set_security_level(context, 0)
    let key = weakness == .keyOf512Bits ? try Self.makeShortKey() : try Self.makeKey()
    defer { EVP_PKEY_free(key) }
    if weakness == .keyOf512Bits {
      // The key has no room for a signature of TLS 1.3, and one of another kind that the server has would be shown first.
      cossl_ctx_set_max_proto_version(context, TLS1_2_VERSION)
      SSL_CTX_set_cipher_list(context, "aRSA:@SECLEVEL=0")
    }
    let chain = weakness == .chainOf100 ? try makeChain(99) : []
    defer { Self.free(chain) }
    let isSelfSigned = weakness == .selfSigned
    let leaf = try Self.makeCertificate(
      subject: "localhost", key: key, issuer: isSelfSigned ? nil : chain.last?.certificate ?? issuer,
      issuerKey: isSelfSigned ? key : chain.last?.key ?? issuerKey, validity: .current,
      extensions: [(NID_basic_constraints, "critical,CA:FALSE"), (NID_subject_alt_name, "DNS:localhost")],
      digest: weakness == .signedWithSHA1 ? EVP_sha1() : EVP_sha256())
    defer { X509_free(leaf) }
    guard SSL_CTX_use_certificate(context, leaf) == 1, SSL_CTX_use_PrivateKey(context, key) == 1,
      chain.reversed().allSatisfy({ cossl_ctx_add1_chain_cert(context, $0.certificate) == 1 })
    else { throw Failure(description: "a server does not show a certificate \(weakness.rawValue)") }
  }

  typealias Link = (certificate: OpaquePointer, key: OpaquePointer)

  /// Authorities, each signed by the one before it, the first by ours.
  func makeChain(_ count: Int) throws -> [Link] {
    var chain: [Link] = []
    for number in 0..<count {
      let key = try Self.makeKey()
      let certificate = try Self.makeCertificate(
        subject: "Postern test link \(number + 1)", key: key, issuer: chain.last?.certificate ?? issuer,
        issuerKey: chain.last?.key ?? issuerKey, validity: .current,
        extensions: [(NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign")])
      chain.append((certificate, key))
    }
    return chain
  }

  static func free(_ chain: [Link]) {
    for link in chain {
      X509_free(link.certificate)
      EVP_PKEY_free(link.key)
    }
  }

  private static func makeShortKey() throws -> OpaquePointer {
    guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nil) else { throw Failure(description: "no rsa here") }
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_rsa_keygen_bits(context, 512) == 1,
      EVP_PKEY_keygen(context, &key) == 1, let key
    else { throw Failure(description: "no short key generated") }
    return key
  }
}
