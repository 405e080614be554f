// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// HMAC with MD5 (RFC 2104), for CRAM-MD5 (RFC 2195) alone, which is spoken only where the admin asks for it.
package enum HMACMD5 {
  /// Octets of a code.
  package static let octetCount = 16

  /// nil where the system's policy forbids MD5.
  package static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8]? {
    var written: UInt32 = 0
    let code = [UInt8](unsafeUninitializedCapacity: octetCount) { code, count in
      let result = HMAC(EVP_md5(), key, Int32(key.count), message, message.count, code.baseAddress, &written)
      count = result != nil && written == octetCount ? octetCount : 0
    }
    ERR_clear_error()
    return code.isEmpty ? nil : code
  }
}
