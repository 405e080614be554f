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

  /// A `From` or `Sender` field that is longer is not taken apart. Hundreds of mailboxes fit.
  static let senderFieldOctetsMax = 16 << 10
  /// A display name with a longer line is not kept: with what we write beside it a line stays below 998 octets.
  static let nameLineOctetsMax = 900

  /// `From` and `Sender` of a message whose author is looked at, all of them together. Dozens of mailboxes fit.
  static let authorOctetsMax = 8 << 10
  /// What each of these fields counts for beside its value.
  static let authorFieldOctets = 64

  /// Peer text in a comment is cut here, so that no line that we write comes near 998 octets.
  static let commentOctetsMax = 120

  /// RFC 1035 section 2.3.4, as RFC 5321 section 4.5.3.1.2 repeats it.
  static let domainOctetsMax = 255

  /// An IPv6 address with an IPv4 address at its end, all digits written.
  static let addressOctetsMax = 45

  /// RFC 5321 section 4.5.3.1: local part 64, "@", domain 255.
  static let mailboxOctetsMax = 320

  // MARK: notifications

  /// A longer message is not returned with its notification, only its header: nobody wants his 25 MB back.
  package static let returnedMessageOctetsMax = 50_000
  /// The same where the sender asks for all of it (RFC 3461 section 4.3).
  package static let returnedFullMessageOctetsMax = 1_000_000
  /// Of a longer header block the first fields are returned.
  package static let returnedHeaderOctetsMax = 32 << 10
  /// RFC 5322 section 2.1.1, without CRLF. Content with a longer line is not returned as it is.
  static let lineOctetsMax = 998
  /// Recipients that the human part of a notification names; then it says how many more there are.
  static let namedRecipientsMax = 50
  /// Once the machine part has grown to this, the fields that RFC 3464 section 2.3 leaves to us are left out, so that
  /// it grows with the addresses alone.
  static let statusOctetsPreferred = 1 << 20
  /// Of an address that takes more, written as RFC 6533 has it, only what is ASCII is shown: a field fits into a line.
  static let longAddressOctetsMax = 900
  /// Text of a reply, in octets: what the rest of the program keeps of one.
  static let replyOctetsMax = 512
  /// Of a longer subject the first words are shown.
  static let subjectOctetsMax = 120
}
