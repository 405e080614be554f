// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Decides how much of a message goes back with a notification, and writes that part: a small message whole, a larger
/// one only if the sender asks for it, of any other the header (RFC 6522 section 3, RFC 3461 section 4.3). A notification
/// must not be larger than it is worth, and not show to others what the sender wrote.
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
      isWhole && !block.isCut && report.kind == .failed && report.isForSenderAlone && report.returned != .header
      && octets.count <= DeliveryStatusReport.returnedOctetsMax(report.returned)
      && Self.canStandAsItIs(octets, isUnicode: report.isUnicode)
    // A header that is UTF-8 has types of its own (RFC 6533 sections 4 and 5), which only SMTPUTF8 carries.
    let isGlobal =
      report.isUnicode && !Self.isASCII(block.shown) && String(validating: block.shown, as: UTF8.self) != nil
    part =
      isMessage
      ? Self.messagePart(block, octets, isGlobal: isGlobal) : Self.headersPart(block, isGlobal: isGlobal)
  }

  private static func messagePart(_ header: HeaderBlock, _ octets: [UInt8], isGlobal: Bool) -> [UInt8] {
    var description = "Content-Description: Undelivered message\r\n"
    description += "Content-Type: message/\(isGlobal ? "global" : "rfc822")\r\n"
    if !isASCII(octets) { description += "Content-Transfer-Encoding: 8bit\r\n" }
    return Array("\(description)\r\n".utf8) + header.shown + octets[header.count...]
  }

  private static func headersPart(_ header: HeaderBlock, isGlobal: Bool) -> [UInt8] {
    let text = header.shown
    var description = "Content-Description: Header of the message\r\n"
    if isGlobal, canStandAsItIs(text, isUnicode: true) {
      description += "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n"
      return Array("\(description)\r\n".utf8) + text
    }
    let isPlain = canStandAsItIs(text, isUnicode: false)
    description += "Content-Type: text/rfc822-headers\r\n"
    if !isPlain { description += "Content-Transfer-Encoding: quoted-printable\r\n" }
    return Array("\(description)\r\n".utf8) + (isPlain ? text : QuotedPrintable.encoded(text))
  }

  private static func isASCII(_ octets: [UInt8]) -> Bool { octets.allSatisfy { $0 < 0x80 } }

  /// 7-bit as RFC 2045 section 2.7 has it: nothing above 127, no NUL, CR and LF only together, no line too long. With
  /// `isUnicode` the path takes 8-bit too (RFC 6531 section 3.1): as section 2.8 has it.
  private static func canStandAsItIs(_ octets: [UInt8], isUnicode: Bool) -> Bool {
    var column = 0
    var last: UInt8 = 0
    for octet in octets {
      if octet == UInt8(ascii: "\n") {
        guard last == UInt8(ascii: "\r") else { return false }
        column = 0
      } else {
        guard last != UInt8(ascii: "\r"), octet != 0, octet < 0x80 || isUnicode else { return false }
        // CR itself is no part of the line.
        if octet != UInt8(ascii: "\r") { column += 1 }
        guard column <= MailLimits.lineOctetsMax else { return false }
      }
      last = octet
    }
    return last != UInt8(ascii: "\r")
  }
}
