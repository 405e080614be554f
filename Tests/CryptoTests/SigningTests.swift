// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import Testing

@testable import Crypto

@Suite struct SigningTests {
  private let identity = try! SigningIdentity(pem: Secret(TestIdentities.key + TestIdentities.certificate))
  private let message = Array("what is signed".utf8)

  @Test("a certificate is known by the thumbprints that 'openssl x509 -fingerprint' shows")
  func thumbprints() {
    #expect(Base64URL.encode(identity.sha1Thumbprint) == "Dl2VJPJqSCzqPGwUHc0Xq3Mu6L4")
    #expect(Base64URL.encode(identity.sha256Thumbprint) == "lpTY4AXdsRam2FYa3M80Nf7mI-HPFjAnSp5wlwdt5Y8")
    #expect(identity.notAfter == 4_948_877_096)
  }

  @Test("RS256 is the signature that 'openssl dgst -sha256 -sign' makes")
  func rs256() throws {
    let signature = Base64URL.encode(try identity.sign(message, .rs256))
    #expect(
      signature
        == "IEK6Yd21ysjEDLXDErcGFFDRnQb1TkZfPStc5x_evor6nS0w7U8Cn3llSAr-TSJW6obbSijpUJLPWP1Q0BIyROtAJ7TSXquI8rDZE3cp52"
        + "skhUFsm4EVwkViD4USVjTGALj_Cq4eh8scgXoACoz92PAAWddWrvokdspN-MWxNk33pMINOcMmjQVAo9alghVCDXFNvbH6OjkViYprbtJqZSa9"
        + "QDlo3OF8X0OLedBtHM2w1FpPY8d-P4QRpb_C2N7_nvjv_6TyQ5QBHB-WMw4uVvETlNz8dMvWzYp6nVXq5SvrzaJ5IVJr-dXp5WGECX8dNwMii5"
        + "j6TAfL04KYhfnOtg")
  }

  @Test(
    "a signature verifies with the certificate's key, and with no other message",
    arguments: SigningIdentity.Algorithm.allCases)
  func verifies(_ algorithm: SigningIdentity.Algorithm) throws {
    let signature = try identity.sign(message, algorithm)
    #expect(isValid(signature, of: message, algorithm))
    #expect(!isValid(signature, of: message + [0], algorithm))
    #expect(!isValid(signature, of: message, algorithm == .ps256 ? .rs256 : .ps256))
  }

  @Test("PS256 draws a new salt each time")
  func salts() throws {
    #expect(try identity.sign(message, .ps256) != identity.sign(message, .ps256))
  }

  @Test(
    "what cannot be used is named",
    arguments: [
      (TestIdentities.key, SigningError.noCertificate),
      (TestIdentities.certificate, .noKey),
      (TestIdentities.ellipticKey + TestIdentities.certificate, .notRSA),
      (TestIdentities.encryptedKey + TestIdentities.certificate, .encryptedKey),
      (TestIdentities.small, .keyTooSmall(bits: 1024)),
      ("", .noCertificate),
    ])
  func refused(pem: String, error: SigningError) {
    #expect(throws: error) { try SigningIdentity(pem: Secret(pem)) }
  }

  @Test("damage is told from what is missing")
  func damaged() {
    let key = TestIdentities.key.replacing("CzqPGwUHc0Xq3Mu6L4", with: "").replacing(
      "MIIEvAIBADAN", with: "MIIEvAIBADAM")
    #expect(throws: SigningError.self) { try SigningIdentity(pem: Secret(key + TestIdentities.certificate)) }
    let certificate = TestIdentities.certificate.replacing("MIIDKTCCAhGg", with: "MIIDKTCCAhGh")
    do {
      _ = try SigningIdentity(pem: Secret(TestIdentities.key + certificate))
      Issue.record("a damaged certificate was taken")
    } catch {
      if case .damagedCertificate = error { return }
      Issue.record("\(error)")
    }
  }

  @Test("base 64 for URLs goes there and back, and knows no second spelling")
  func base64URL() {
    for octets in [[], [0xFB], [0xFF, 0xEF], [0x3E, 0x3F, 0xBF], Array(0...255)] as [[UInt8]] {
      let text = Base64URL.encode(octets)
      #expect(!text.contains { "+/=".contains($0) })
      #expect(Base64URL.decode(text.utf8) == octets)
    }
    #expect(Base64URL.encode([0xFB, 0xEF, 0xFF]) == "--__")
    for text in ["++__", "-w==", "-x", "a"] { #expect(Base64URL.decode(text.utf8) == nil) }
  }

  private func isValid(_ signature: [UInt8], of message: [UInt8], _ algorithm: SigningIdentity.Algorithm) -> Bool {
    let pem = Array(TestIdentities.certificate.utf8)
    let source = BIO_new_mem_buf(pem, Int32(pem.count))
    defer { BIO_free(source) }
    let certificate = PEM_read_bio_X509(source, nil, nil, nil)
    defer { X509_free(certificate) }
    let context = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    var parameters: OpaquePointer?
    EVP_DigestVerifyInit(context, &parameters, EVP_sha256(), nil, X509_get0_pubkey(certificate))
    if algorithm == .ps256 {
      EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING)
      EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST)
    }
    return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }
}
