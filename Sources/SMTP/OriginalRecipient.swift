// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The recipient that the sender wrote to, before anybody forwarded or rewrote it: the value of ORCPT (RFC 3461 section
/// 4.2), decoded. Reports repeat it; nobody sends mail to it.
package struct OriginalRecipient: Sendable, Hashable {
  /// In lower case; `rfc822` and `utf-8` are known.
  package let type: String
  /// One line without controls, ASCII except for `utf-8`.
  package let address: String

  /// nil if it is not `type;address` in the form that its type wants.
  package init?(_ parameter: String) {
    guard let separator = parameter.firstIndex(of: ";") else { return nil }
    let type = parameter[..<separator].lowercased()
    let encoded = parameter[parameter.index(after: separator)...]
    guard !type.isEmpty, type.utf8.allSatisfy({ Address.isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }) else {
      return nil
    }
    let decoded = type == Self.unicodeType ? Xtext.decodedUnicode(encoded) : Xtext.decoded(encoded)
    guard let decoded, !decoded.isEmpty else { return nil }
    self.type = type
    address = decoded
  }

  /// RFC 6533 section 3.
  static let unicodeType = "utf-8"
}
