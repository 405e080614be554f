// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// PBKDF2 with HMAC-SHA-256 (RFC 8018 section 5.2), the costly step of SCRAM. It blocks for milliseconds: callers run
/// it on a worker thread, never on an event loop.
package enum PBKDF2 {
  /// Derives 32 octets.
  package static func sha256(password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
    precondition(iterations > 0 && iterations <= Int(Int32.max), "iterations are counted from one")
    return [UInt8](unsafeUninitializedCapacity: SHA256.octetCount) { key, count in
      let result = password.withUnsafeBytes { password in
        PKCS5_PBKDF2_HMAC(
          password.bindMemory(to: CChar.self).baseAddress, Int32(password.count),
          salt, Int32(salt.count), Int32(iterations), EVP_sha256(),
          Int32(SHA256.octetCount), key.baseAddress)
      }
      precondition(result == 1, "the OpenSSL library offers no PBKDF2 with SHA-256")
      count = SHA256.octetCount
    }
  }
}
