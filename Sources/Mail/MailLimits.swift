// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Every bound of this target.
package enum MailLimits {
  /// A header block longer than this is refused. Real ones stay under 100 KiB; the bound keeps every reader of it
  /// cheap.
  package static let headerOctetsMax = 1 << 20

  /// A line without a colon in its first 998 octets holds no field: RFC 5322 section 2.1.1 allows no longer line.
  static let fieldNameOctetsMax = 998

  /// A longer message identifier is not kept for logs; two domain names of full length fit.
  static let messageIDOctetsMax = 512

  /// Lines that we write are folded at this length where they can be (RFC 5322 section 2.1.1).
  static let lineOctetsPreferred = 78

  /// Peer text in a comment is cut here, so that no line that we write comes near 998 octets.
  static let commentOctetsMax = 120

  /// RFC 1035 section 2.3.4, as RFC 5321 section 4.5.3.1.2 repeats it.
  static let domainOctetsMax = 255

  /// An IPv6 address with an IPv4 address at its end, all digits written.
  static let addressOctetsMax = 45

  /// RFC 5321 section 4.5.3.1: local part 64, "@", domain 255.
  static let mailboxOctetsMax = 320
}
