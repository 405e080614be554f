// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Decides how much of a message goes back with a notification, and writes that part: a small message whole, of any
/// other the header (RFC 6522 section 3). A notification must not be larger than it is worth, and not show to others
/// what the sender wrote.
struct ReturnedContent {
  /// nil: the message cannot be read.
  let part: [UInt8]?
  let isMessage: Bool
  /// The header is longer than what is returned of it.
  let isCut: Bool
  let header: HeaderBlock?

  init(_ report: DeliveryStatusReport) {
    let octets: [UInt8]
    var isWhole = false
    switch report.original {
    case .whole(let all):
      octets = all
      isWhole = true
    case .beginning(let some): octets = some
    case .unreadable:
      (part, isMessage, isCut, header) = (nil, false, false, nil)
      return
    }
    let block = HeaderBlock(octets, octetsMax: MailLimits.returnedHeaderOctetsMax, isWhole: isWhole)
    header = block
    isCut = block.isCut
    isMessage =
      isWhole && !block.isCut && report.kind == .failed && report.isForSenderAlone
      && octets.count <= MailLimits.returnedMessageOctetsMax && Self.canStandAsItIs(octets)
    part = isMessage ? Self.messagePart(block, octets) : Self.headersPart(block)
  }

  private static func messagePart(_ header: HeaderBlock, _ octets: [UInt8]) -> [UInt8] {
    let description = "Content-Description: Undelivered message\r\nContent-Type: message/rfc822\r\n\r\n"
    return Array(description.utf8) + header.shown + octets[header.count...]
  }

  private static func headersPart(_ header: HeaderBlock) -> [UInt8] {
    let text = header.shown
    let isPlain = canStandAsItIs(text)
    var description = "Content-Description: Header of the message\r\nContent-Type: text/rfc822-headers\r\n"
    if !isPlain { description += "Content-Transfer-Encoding: quoted-printable\r\n" }
    return Array("\(description)\r\n".utf8) + (isPlain ? text : QuotedPrintable.encoded(text))
  }

  /// 7-bit as RFC 2045 section 2.7 has it: nothing above 127, no NUL, CR and LF only together, no line too long.
  private static func canStandAsItIs(_ octets: [UInt8]) -> Bool {
    var column = 0
    var last: UInt8 = 0
    for octet in octets {
      if octet == UInt8(ascii: "\n") {
        guard last == UInt8(ascii: "\r") else { return false }
        column = 0
      } else {
        guard last != UInt8(ascii: "\r"), octet != 0, octet < 0x80 else { return false }
        // CR itself is no part of the line.
        if octet != UInt8(ascii: "\r") { column += 1 }
        guard column <= MailLimits.lineOctetsMax else { return false }
      }
      last = octet
    }
    return last != UInt8(ascii: "\r")
  }
}
