// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// SHA-256 (FIPS 180-4) by the system's OpenSSL. SASL, the login cache and identifiers call it.
package enum SHA256 {
  /// Octets of a digest.
  package static let octetCount = 32

  package static func digest(_ message: some Collection<UInt8>) -> [UInt8] {
    let message = Array(message)
    return [UInt8](unsafeUninitializedCapacity: octetCount) { digest, count in
      // The one-shot form allocates nothing and cannot fail.
      _ = COpenSSL.SHA256(message, message.count, digest.baseAddress)
      count = octetCount
    }
  }
}
