// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Writes one header field clause by clause and folds it (RFC 5322 section 2.2.3): before a clause where that keeps
/// lines within 78 octets, inside a clause, at its spaces, only when the clause alone is longer.
struct FoldedField {
  private var octets: [UInt8] = []
  private var column = 0

  init(name: String) {
    octets.reserveCapacity(400)
    octets += name.utf8
    octets.append(UInt8(ascii: ":"))
    column = octets.count
  }

  /// The field with its final CRLF.
  var text: String { String(decoding: octets, as: UTF8.self) + "\r\n" }

  /// The words of a clause stand apart by one space each.
  mutating func append(_ clause: String) {
    if 1 + clause.utf8.count <= MailLimits.lineOctetsPreferred {
      appendUnbroken(clause.utf8)
    } else {
      for word in clause.utf8.split(separator: UInt8(ascii: " ")) { appendUnbroken(word) }
    }
  }

  /// For what must not be broken or changed, such as an address with a space in its quotes.
  mutating func appendWhole(_ clause: String) {
    appendUnbroken(clause.utf8)
  }

  private mutating func appendUnbroken(_ text: some Collection<UInt8>) {
    let length = 1 + text.count
    if column + length > MailLimits.lineOctetsPreferred && column > 1 {
      octets += "\r\n\t".utf8
      column = length
    } else {
      octets.append(UInt8(ascii: " "))
      column += length
    }
    octets += text
  }
}
