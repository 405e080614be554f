// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// Unpredictable octets from the system's OpenSSL, which is seeded by the kernel. Callers outside the log and the queue
/// take from here and hand it on as an argument.
package enum SecureRandom {
  package static func octets(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { octets, initialized in
      // A process that cannot draw randomness must not go on: a predictable salt or password is worse than a stop.
      precondition(RAND_bytes(octets.baseAddress, Int32(count)) == 1, "the OpenSSL library gives no random octets")
      initialized = count
    }
  }

  package static func number() -> UInt64 {
    octets(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}
