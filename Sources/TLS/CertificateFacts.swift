// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// What people want to know of a certificate.
package struct CertificateFacts: Sendable, Hashable {
  /// As `/CN=smtp.example.com`; printable ASCII whatever the certificate holds.
  package var subject: String
  package var issuer: String
  /// Seconds since 1970.
  package var notBefore: Int64
  package var notAfter: Int64
  /// Of its key, as `tls_pins` wants it.
  package var pin: String

  init?(_ certificate: OpaquePointer) {
    guard let notBefore = Self.seconds(X509_get0_notBefore(certificate)),
      let notAfter = Self.notAfter(of: certificate), let pin = Self.pin(of: certificate)
    else { return nil }
    subject = Self.text(X509_get_subject_name(certificate))
    issuer = Self.text(X509_get_issuer_name(certificate))
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.pin = Self.base64(pin)
  }

  static func notAfter(of certificate: OpaquePointer) -> Int64? {
    seconds(X509_get0_notAfter(certificate))
  }

  static func subject(of certificate: OpaquePointer) -> String {
    text(X509_get_subject_name(certificate))
  }

  /// SHA-256 of SubjectPublicKeyInfo; nil if there is no such thing in it.
  static func pin(of certificate: OpaquePointer) -> [UInt8]? {
    var encoded: UnsafeMutablePointer<UInt8>?
    let count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded)
    guard count > 0, let encoded else {
      ErrorQueue.clear()
      return nil
    }
    defer { cossl_free(encoded) }
    return [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { digest, written in
      SHA256(encoded, Int(count), digest.baseAddress)
      written = Int(SHA256_DIGEST_LENGTH)
    }
  }

  static func base64(_ octets: [UInt8]) -> String {
    var text = [UInt8](repeating: 0, count: (octets.count + 2) / 3 * 4 + 1)
    let count = EVP_EncodeBlock(&text, octets, Int32(octets.count))
    return String(decoding: text.prefix(Int(count)), as: UTF8.self)
  }

  private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    let epoch = ASN1_TIME_set(nil, 0)
    defer { ASN1_TIME_free(epoch) }
    var days: Int32 = 0
    var seconds: Int32 = 0
    guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return nil }
    return Int64(days) * 86_400 + Int64(seconds)
  }

  /// OpenSSL writes everything that is not printable ASCII as escapes.
  private static func text(_ name: OpaquePointer?) -> String {
    let text = [CChar](unsafeUninitializedCapacity: TLSLimits.subjectOctetsMax) { text, count in
      X509_NAME_oneline(name, text.baseAddress, Int32(text.count))
      count = text.firstIndex(of: 0) ?? 0
    }
    return String(decoding: text.map { (0x20...0x7E).contains($0) ? UInt8($0) : UInt8(ascii: "?") }, as: UTF8.self)
  }
}
