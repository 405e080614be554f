// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Crypto

@Suite struct DigestTests {
  @Test(
    "SHA-256 gives the digests of FIPS 180-4 and its example files",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ])
  func sha256(message: String, digest: String) {
    #expect(hexadecimal(SHA256.digest(message.utf8)) == digest)
  }

  @Test("SHA-256 gives the digest of a million letters a, the long vector of FIPS 180-4's example file")
  func sha256OfMillion() {
    #expect(
      hexadecimal(SHA256.digest(repeatElement(UInt8(ascii: "a"), count: 1_000_000)))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test("HMAC-SHA-256 gives the codes of RFC 4231", arguments: HMACCase.rfc4231)
  func hmac(_ given: HMACCase) {
    #expect(hexadecimal(HMACSHA256.authenticate(given.message, key: given.key)) == given.code)
  }

  @Test("HMAC-SHA-256 takes an empty key and an empty message")
  func hmacOfNothing() {
    #expect(
      hexadecimal(HMACSHA256.authenticate([], key: []))
        == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
  }

  @Test("PBKDF2 gives the first 32 octets of the RFC 7914 vectors and the SCRAM key of RFC 7677")
  func pbkdf2() {
    #expect(
      hexadecimal(PBKDF2.sha256(password: Array("passwd".utf8), salt: Array("salt".utf8), iterations: 1))
        == "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc")
    #expect(
      hexadecimal(PBKDF2.sha256(password: Array("Password".utf8), salt: Array("NaCl".utf8), iterations: 80_000))
        == "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56")
  }

  @Test("SHA-256, HMAC and PBKDF2 together give the client proof of the SCRAM dialogue in RFC 7677")
  func scramDialogue() throws {
    let salt = try #require(Base64.decode("W22ZaJ0SNY7soEsUEjb6gQ==".utf8))
    let authMessage =
      "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
      + "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    let salted = PBKDF2.sha256(password: Array("pencil".utf8), salt: salt, iterations: 4096)
    let clientKey = HMACSHA256.authenticate(Array("Client Key".utf8), key: salted)
    let signature = HMACSHA256.authenticate(Array(authMessage.utf8), key: SHA256.digest(clientKey))
    #expect(
      Base64.encode(zip(clientKey, signature).map { $0 ^ $1 }) == "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    let serverKey = HMACSHA256.authenticate(Array("Server Key".utf8), key: salted)
    #expect(
      Base64.encode(HMACSHA256.authenticate(Array(authMessage.utf8), key: serverKey))
        == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
  }

  @Test("Random octets have the asked count and do not repeat")
  func random() {
    #expect(SecureRandom.octets(0).isEmpty)
    #expect(Set((0..<64).map { _ in SecureRandom.octets(16) }).count == 64)
    #expect(SecureRandom.octets(1000).count == 1000)
    #expect(Set((0..<64).map { _ in SecureRandom.number() }).count == 64)
  }

  @Test("Octet strings are equal only in length and in every octet")
  func equality() {
    let octets = Array(UInt8(0)..<64)
    #expect(constantTimeEqual([], []))
    #expect(constantTimeEqual(octets, octets))
    #expect(!constantTimeEqual(octets, Array(octets.dropLast())))
    for index in octets.indices {
      var other = octets
      other[index] ^= 0x80
      #expect(!constantTimeEqual(octets, other))
    }
  }
}

struct HMACCase: Sendable, CustomTestStringConvertible {
  var name: String
  var key: [UInt8]
  var message: [UInt8]
  var code: String
  var testDescription: String { name }

  static let rfc4231 = [
    HMACCase(
      name: "4.2", key: [UInt8](repeating: 0x0b, count: 20), message: Array("Hi There".utf8),
      code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    HMACCase(
      name: "4.3", key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8),
      code: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    HMACCase(
      name: "4.4", key: [UInt8](repeating: 0xaa, count: 20), message: [UInt8](repeating: 0xdd, count: 50),
      code: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    HMACCase(
      name: "4.7", key: [UInt8](repeating: 0xaa, count: 131),
      message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      code: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
  ]
}

func hexadecimal(_ octets: [UInt8]) -> String {
  octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
