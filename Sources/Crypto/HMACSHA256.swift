// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// HMAC with SHA-256 (RFC 2104, RFC 4231). SCRAM and the login cache call it.
package enum HMACSHA256 {
  package static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: SHA256.octetCount) { code, count in
      var written: UInt32 = 0
      let result = HMAC(
        EVP_sha256(), key, Int32(key.count), message, message.count, code.baseAddress, &written)
      precondition(result != nil && written == SHA256.octetCount, "the OpenSSL library offers no HMAC-SHA-256")
      count = SHA256.octetCount
    }
  }
}
