// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Queue
import SMTP

/// One line of the history: a JSON object about recipients of one message that came to their end together. Written by
/// hand, because it is written for each message; read by the decoder, because it is read when somebody asks.
struct HistoryLine: Codable, Equatable {
  var v: Int
  var id: String
  var received: Timestamp
  var finished: Timestamp
  var sender: String
  var size: Int
  var submitter: String
  /// Where the last attempt went; none if an admin ended it.
  var upstream: String?
  var byAdmin: Bool?
  var recipients: [Recipient]

  struct Recipient: Codable, Equatable {
    var number: Int
    var address: String
    var state: String
    var attempts: Int
    var code: Int?
    var status: String?
    var reply: String?
    var duplicatePossible: Bool?

    private enum CodingKeys: String, CodingKey {
      case number = "n"
      case address = "to"
      case state, attempts, code
      case status = "dsn"
      case reply
      case duplicatePossible = "duplicate_possible"
    }
  }

  private enum CodingKeys: String, CodingKey {
    case v, id, received, finished
    case sender = "from"
    case size, submitter, upstream
    case byAdmin = "by_admin"
    case recipients
  }

  static let version = 1
  /// So that no line is longer than some ten thousand octets: a message of many recipients has several.
  static let recipientsMax = 24
  /// What is longer is none of ours: `recipientsMax` replies in which each octet is escaped stay below.
  static let octetsMax = 256 << 10

  /// What stands at the beginning of each line about ids that begin so.
  static func beginning(id prefix: String) -> [UInt8] { Array("{\"v\":1,\"id\":\"\(prefix)".utf8) }

  // MARK: Writing

  /// Appends the lines of a message whose recipients ended together, each with its line feed.
  static func append(_ mail: FinishedMessage, upstream: String?, to octets: inout [UInt8]) {
    for first in stride(from: 0, to: mail.recipients.count, by: recipientsMax) {
      let recipients = mail.recipients[first..<min(first + recipientsMax, mail.recipients.count)]
      octets.append(contentsOf: "{\"v\":1,\"id\":\"".utf8)
      octets.append(contentsOf: mail.id.description.utf8)
      octets.append(contentsOf: "\",\"received\":\"".utf8)
      Timestamp(milliseconds: mail.received).append(to: &octets)
      octets.append(contentsOf: "\",\"finished\":\"".utf8)
      Timestamp(milliseconds: recipients[first].finished).append(to: &octets)
      octets.append(UInt8(ascii: "\""))
      append("from", mail.sender?.text ?? "", to: &octets)
      append("size", mail.size, to: &octets)
      append("submitter", mail.submitter, to: &octets)
      if recipients[first].isOrdered {
        octets.append(contentsOf: ",\"by_admin\":true".utf8)
      } else if let upstream {
        append("upstream", upstream, to: &octets)
      }
      octets.append(contentsOf: ",\"recipients\":[".utf8)
      for recipient in recipients {
        append(recipient, to: &octets)
        octets.append(UInt8(ascii: ","))
      }
      octets[octets.count - 1] = UInt8(ascii: "]")
      octets.append(contentsOf: "}\n".utf8)
    }
  }

  private static func append(_ recipient: FinishedRecipient, to octets: inout [UInt8]) {
    octets.append(contentsOf: "{\"n\":".utf8)
    octets.append(contentsOf: String(recipient.index + 1).utf8)
    append("to", recipient.address.text, to: &octets)
    append("state", recipient.state.rawValue, to: &octets)
    append("attempts", recipient.attempts, to: &octets)
    if let reply = recipient.reply {
      append("code", reply.code, to: &octets)
      if let status = reply.status { append("dsn", status.description, to: &octets) }
      append("reply", reply.text.text, to: &octets)
    }
    if recipient.isUncertain { octets.append(contentsOf: ",\"duplicate_possible\":true".utf8) }
    octets.append(UInt8(ascii: "}"))
  }

  private static func append(_ name: String, _ number: Int, to octets: inout [UInt8]) {
    octets.append(contentsOf: ",\"".utf8)
    octets.append(contentsOf: name.utf8)
    octets.append(contentsOf: "\":".utf8)
    octets.append(contentsOf: String(number).utf8)
  }

  /// What a terminal would act upon is escaped, so that the files may be looked at with anything.
  private static func append(_ name: String, _ text: String, to octets: inout [UInt8]) {
    octets.append(contentsOf: ",\"".utf8)
    octets.append(contentsOf: name.utf8)
    octets.append(contentsOf: "\":\"".utf8)
    if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
      octets.append(contentsOf: text.utf8)
    } else {
      let plain = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      for (place, line) in plain.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        if place > 0 { octets.append(contentsOf: "\\n".utf8) }
        octets.append(contentsOf: TerminalText.escapedJSON(String(line)).utf8)
      }
    }
    octets.append(UInt8(ascii: "\""))
  }

  // MARK: Reading

  /// nil for what is no line of ours: the rest of one that a crash cut, or the work of somebody else.
  static func message(_ line: UnsafeRawBufferPointer) -> FinishedMessage? {
    guard let line = try? ControlLine.decode(HistoryLine.self, from: Array(line)) else { return nil }
    return line.message
  }

  private var message: FinishedMessage? {
    // No message has number 0.
    guard let id = MessageID(id), id.number > 0 else { return nil }
    let origin = Address(sender)
    guard sender.isEmpty || origin != nil else { return nil }
    let found = recipients.compactMap { recipient -> FinishedRecipient? in
      guard let address = Address(recipient.address), let state = FinishedState(rawValue: recipient.state),
        recipient.number > 0
      else { return nil }
      return FinishedRecipient(
        index: recipient.number - 1, address: address, state: state, attempts: recipient.attempts,
        reply: recipient.code.map {
          Reply($0, recipient.status.flatMap { EnhancedStatus($0) }, recipient.reply ?? "")
        },
        finished: finished.milliseconds, isOrdered: byAdmin == true, isUncertain: recipient.duplicatePossible == true,
        upstream: upstream.map { PeerText($0).text })
    }
    guard !found.isEmpty else { return nil }
    return FinishedMessage(
      id: id, sender: origin, recipients: found, size: size, received: received.milliseconds,
      submitter: PeerText(submitter).text)
  }
}
