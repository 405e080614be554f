// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import struct NIOCore.ByteBuffer

/// One reply of an SMTP server (RFC 5321 section 4.2): ours to a client, or an upstream's to us.
///
/// A multiline reply is one value whose lines are joined by a space; only the EHLO answer is handled line by line.
package struct Reply: Sendable, Hashable, CustomStringConvertible {
  /// Three digits, 200–599.
  package let code: Int
  package let status: EnhancedStatus?
  package let text: PeerText

  package init(_ code: Int, _ status: EnhancedStatus? = nil, _ text: PeerText) {
    self.code = code
    self.status = status
    self.text = text
  }

  package init(_ code: Int, _ status: EnhancedStatus? = nil, _ text: String) {
    self.init(code, status, PeerText(text))
  }

  /// First digit decides (RFC 5321 section 4.2.1): an unknown 4yz is a 400, an unknown 5yz a 500.
  package var isPositive: Bool { code / 100 == 2 }
  /// Go on with what was announced.
  package var isIntermediate: Bool { code / 100 == 3 }
  package var isTransient: Bool { code / 100 == 4 }

  package var description: String {
    if let status { "\(code) \(status) \(text)" } else { "\(code) \(text)" }
  }
}

extension ByteBuffer {
  /// Appends the reply as one line. Non-ASCII in the text becomes "?": reply text is printable ASCII (RFC 5321 section 4.2).
  package mutating func write(_ reply: Reply) {
    writeString(reply.status.map { "\(reply.code) \($0) " } ?? "\(reply.code) ")
    let text = reply.text.text
    if text.utf8.allSatisfy({ $0 < 0x80 }) {
      writeString(text)
    } else {
      writeBytes(text.utf8.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") })
    }
    writeString("\r\n")
  }
}
