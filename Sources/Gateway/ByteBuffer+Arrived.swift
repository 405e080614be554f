// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension ByteBuffer {
  /// Puts what a peer sent behind what is left of before, and lets go of what was read. Without that, a peer that leaves an
  /// octet each time, a CR say, would have a buffer as large as all that it ever sent.
  mutating func arrived(_ octets: consuming ByteBuffer) {
    if readableBytes == 0 {
      self = octets
      return
    }
    // Moved at most as often as it is read.
    if readerIndex >= readableBytes { discardReadBytes() }
    writeBuffer(&octets)
  }
}
