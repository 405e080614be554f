// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the beginning of a line in a header block says about the line.
enum HeaderLine: Equatable {
  /// A field begins here.
  case field(FieldName)
  /// White space: the line continues the field before it (RFC 5322 section 2.2.3).
  case continuation
  /// The empty line between header and body.
  case empty
  /// `From ` of a mailbox file, which some devices submit in front of the header.
  case mailbox
  /// Neither: no name with a colon behind it.
  case other
}

/// The fields that this target looks for; all others are one.
enum FieldName: Equatable {
  case date, messageID, from, sender, replyTo, received, bcc, subject, other
}

/// Reads a line of a header block up to the octet that decides what the line is. `HeaderWalker` and `HeaderBlock` share
/// it, so that what one calls a field is a field for the other. It keeps no text beyond sixteen octets of the name.
struct HeaderLineReader: Sendable {
  private enum Place { case name, spaceAfterName, lineEnd }

  private var place = Place.name
  private var count = 0
  /// The name in lower case, last octet lowest. Names hold no NUL, so the value also tells the length; longer ones fall
  /// out at the top and match nothing because `count` says so.
  private var name: UInt128 = 0
  private var nameCount = 0

  /// Takes the next octet of the line; the answer is nil as long as more are needed.
  mutating func read(_ octet: UInt8) -> HeaderLine? {
    count += 1
    guard count <= MailLimits.fieldNameOctetsMax else {
      // Others may read on to a colon far behind: who may not name any author cannot hide one there.
      return place == .spaceAfterName && fieldName != .other ? .field(fieldName) : .other
    }
    switch place {
    case .name: return readName(octet)
    case .spaceAfterName: return readSpace(octet)
    case .lineEnd: return octet == UInt8(ascii: "\n") ? .empty : .other
    }
  }

  private mutating func readName(_ octet: UInt8) -> HeaderLine? {
    switch octet {
    case UInt8(ascii: ":"):
      return nameCount == 0 ? .other : .field(fieldName)
    case UInt8(ascii: " "), UInt8(ascii: "\t"):
      guard nameCount > 0 else { return .continuation }
      place = .spaceAfterName
      return nil
    case UInt8(ascii: "\r") where nameCount == 0:
      place = .lineEnd
      return nil
    case 0x21...0x7E:
      let isUpper = UInt8(ascii: "A")...UInt8(ascii: "Z") ~= octet
      name = name << 8 | UInt128(isUpper ? octet | 0x20 : octet)
      nameCount += 1
      return nil
    default:
      return .other
    }
  }

  /// White space before the colon is obsolete syntax (RFC 5322 section 4.5) that must still be understood.
  private mutating func readSpace(_ octet: UInt8) -> HeaderLine? {
    switch octet {
    case UInt8(ascii: ":"): return .field(fieldName)
    case UInt8(ascii: " "), UInt8(ascii: "\t"): return nil
    default: return nameIs("from") || nameIs(">from") ? .mailbox : .other
    }
  }

  private var fieldName: FieldName {
    switch nameCount {
    case 3 where nameIs("bcc"): .bcc
    case 4 where nameIs("date"): .date
    case 4 where nameIs("from"): .from
    case 6 where nameIs("sender"): .sender
    case 7 where nameIs("subject"): .subject
    case 8 where nameIs("reply-to"): .replyTo
    case 8 where nameIs("received"): .received
    case 10 where nameIs("message-id"): .messageID
    // A resent message hides its second circle of recipients in the same way (RFC 5322 section 3.6.6).
    case 10 where nameIs("resent-bcc"): .bcc
    default: .other
    }
  }

  private func nameIs(_ expected: StaticString) -> Bool {
    guard nameCount == expected.utf8CodeUnitCount else { return false }
    return expected.withUTF8Buffer { $0.reduce(into: UInt128(0)) { $0 = $0 << 8 | UInt128($1) } } == name
  }
}
