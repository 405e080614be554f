// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CSupport

/// CRC32C. Detects every single flipped bit and every burst up to 32 bits; it is no protection against intent, which
/// the file modes of the spool are.
package enum Checksum {
  package static func crc32c(_ octets: UnsafeRawBufferPointer, continuing crc: UInt32 = 0) -> UInt32 {
    csupport_crc32c(crc, octets.baseAddress, octets.count)
  }

  package static func crc32c(_ octets: [UInt8], continuing crc: UInt32 = 0) -> UInt32 {
    octets.withUnsafeBytes { crc32c($0, continuing: crc) }
  }
}
