// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// MAIL and RCPT with what stands behind their paths: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH (RFC
/// 4954), and RET, ENVID, NOTIFY, ORCPT (RFC 3461).
extension Command {
  static func mail(_ arguments: ArraySlice<UInt8>) throws(Reply) -> MailCommand {
    var rest = try afterKeyword("FROM:", arguments)
    let isEightBit = rest.contains { $0 >= 0x80 }
    var command = MailCommand(sender: nil, size: nil, body: .sevenBit)
    if rest.starts(with: Array("<>".utf8)) {
      rest = rest.dropFirst(2)
    } else {
      command.sender = try path(&rest, wrong: isEightBit ? .eightBitAddress : .badSender)
    }
    for (keyword, value) in try parameters(rest) { try take(keyword, value, into: &command) }
    guard command.isUTF8 || !isEightBit else { throw .eightBitAddress }
    return command
  }

  private static func take(
    _ keyword: String, _ value: String?, into command: inout MailCommand
  ) throws(Reply) {
    switch keyword {
    case "SIZE":
      guard let value, (1...Limits.sizeDigitsMax).contains(value.utf8.count),
        value.utf8.allSatisfy({ (0x30...0x39).contains($0) })
      else { throw .syntax("SIZE is a number of octets") }
      // Twenty digits can exceed 64 bits; that is only "too large".
      command.size = UInt64(value) ?? .max
    case "BODY":
      switch value?.uppercased() {
      case "7BIT": command.body = .sevenBit
      case "8BITMIME": command.body = .eightBit
      default: throw .syntax("BODY is 7BIT or 8BITMIME")
      }
    case "SMTPUTF8":
      guard value == nil else { throw .syntax("SMTPUTF8 has no value") }
      command.isUTF8 = true
    case "RET":
      guard let returned = value.flatMap({ NotificationWish.Returned(rawValue: $0.uppercased()) }) else {
        throw .syntax("RET is FULL or HDRS")
      }
      command.returned = returned
    case "ENVID":
      guard let id = value.flatMap(NotificationWish.passableEnvelopeID) else {
        throw .syntax("ENVID is xtext of at most \(Limits.envelopeIDOctetsMax) characters")
      }
      command.envelopeID = id
    case "AUTH":
      // RFC 4954 section 5: taken from every client, believed from none.
      guard let value, value == "<>" || Xtext.decoded(value) != nil else {
        throw .syntax("AUTH is an address in xtext or <>")
      }
    default:
      throw .unknownParameter(keyword)
    }
  }

  static func rcpt(_ arguments: ArraySlice<UInt8>, isUTF8: Bool) throws(Reply) -> RecipientCommand {
    var rest = try afterKeyword("TO:", arguments)
    let isEightBit = rest.contains { $0 >= 0x80 }
    guard isUTF8 || !isEightBit else { throw .eightBitAddress }
    var command = RecipientCommand(address: try path(&rest, wrong: isEightBit ? .eightBitAddress : .badRecipient))
    for (keyword, value) in try parameters(rest) {
      switch keyword {
      case "NOTIFY":
        guard let events = value.flatMap({ NotificationWish.Events($0) }) else {
          throw .syntax("NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY")
        }
        command.wish.events = events
      case "ORCPT":
        guard let original = value.flatMap(NotificationWish.passableOriginal) else {
          throw .syntax("ORCPT is a type, ; and xtext, at most \(Limits.originalRecipientOctetsMax) characters")
        }
        command.wish.original = original
      default:
        throw .unknownParameter(keyword)
      }
    }
    return command
  }

  /// `SP keyword[=value]` any number of times (RFC 5321 section 4.1.1.11), each keyword once.
  private static func parameters(_ rest: ArraySlice<UInt8>) throws(Reply) -> [(keyword: String, value: String?)] {
    guard !rest.isEmpty else { return [] }
    guard rest.first == UInt8(ascii: " ") else { throw .syntax("unexpected text behind the address") }
    var parameters: [(keyword: String, value: String?)] = []
    var seen: Set<String> = []
    for word in rest.split(separator: UInt8(ascii: " ")) {
      let parts = word.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let keyword = String(decoding: parts[0], as: UTF8.self).uppercased()
      guard !keyword.isEmpty, keyword.utf8.allSatisfy({ Address.isLetterOrDigit($0) || $0 == 0x2D }) else {
        throw .syntax("that is no parameter")
      }
      guard seen.insert(keyword).inserted else { throw .syntax("\(keyword) is given twice") }
      let value = parts.count == 2 ? String(validating: parts[1], as: UTF8.self) : nil
      guard parts.count == 1 || value != nil else { throw .syntax("\(keyword)= is not UTF-8") }
      guard value?.isEmpty != true else { throw .syntax("\(keyword)= has no value") }
      parameters.append((keyword, value))
    }
    return parameters
  }
}
