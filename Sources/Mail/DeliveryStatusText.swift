// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The part of a notification that people read. It stands first and is written for somebody who does not know what an
/// SMTP reply is: which message, to whom, what the other side said, what to do.
struct DeliveryStatusText {
  private let report: DeliveryStatusReport
  private let returned: ReturnedContent

  init(_ report: DeliveryStatusReport, _ returned: ReturnedContent) {
    self.report = report
    self.returned = returned
  }

  var part: [UInt8] {
    let text = Array(lines.joined(separator: "\r\n").utf8) + Array("\r\n".utf8)
    let isPlain = text.allSatisfy { $0 < 0x80 } && lines.allSatisfy { $0.utf8.count <= MailLimits.lineOctetsPreferred }
    let charset = text.allSatisfy { $0 < 0x80 } ? "us-ascii" : "utf-8"
    var description = "Content-Description: Notification\r\nContent-Type: text/plain; charset=\(charset)\r\n"
    if !isPlain { description += "Content-Transfer-Encoding: quoted-printable\r\n" }
    return Array("\(description)\r\n".utf8) + (isPlain ? text : QuotedPrintable.encoded(text))
  }

  /// Wrapped, except for single words that are longer than a line.
  var lines: [String] {
    var text = WrappedText()
    text.add("This is an automatic message of the mail gateway \(report.safeHostname).")
    text.add(opening, isParagraph: true)
    for group in groups { write(group, into: &text) }
    writeMore(into: &text)
    text.add(closing, isParagraph: true)
    text.add("If you ask your administrator about it, name the message \(TraceText.atom(report.messageID)).")
    return text.lines
  }

  private var opening: String {
    let arrival = report.date(report.arrival)
    let message =
      report.isForSenderAlone
      ? "Your message of \(arrival)" : "The message of \(arrival) from \(PlainText.line(report.sender))"
    let subject = subject.map { " with the subject \"\($0)\"" } ?? ""
    let what =
      switch report.kind {
      case .failed: "could not be delivered to:"
      case .delayed: "is still waiting. It could not yet be delivered to:"
      case .relayed: "was passed on, as you wanted to know, to the next mail system for:"
      }
    return "\(message)\(subject) \(what)"
  }

  private var subject: String? {
    returned.header?.value(of: .subject).flatMap(EncodedWords.decoded)
      .flatMap { PlainText.words($0, octetsMax: MailLimits.subjectOctetsMax) }
  }

  // MARK: who and why

  /// Recipients about whom the same is to be said, in the order in which they come first.
  private struct Group {
    var addresses: [String]
    var example: DeliveryStatusReport.Recipient
  }

  private var groups: [Group] {
    struct Saying: Hashable {
      var reply: String
      var advice: String
    }
    var groups: [Group] = []
    var known: [Saying: Int] = [:]
    for recipient in report.recipients.prefix(MailLimits.namedRecipientsMax) {
      let saying = Saying(reply: reply(of: recipient), advice: recipient.advice)
      if let number = known[saying] {
        groups[number].addresses.append(recipient.address)
      } else {
        known[saying] = groups.count
        groups.append(Group(addresses: [recipient.address], example: recipient))
      }
    }
    return groups
  }

  private func write(_ group: Group, into text: inout WrappedText) {
    text.addEmptyLine()
    for address in group.addresses { text.add(PlainText.line(address), indent: 4) }
    text.addEmptyLine()
    let reply = reply(of: group.example)
    if !reply.isEmpty { text.add("\(speaker(of: group.example)) \(reply)", indent: 2) }
    if report.kind == .failed { text.add("What you can do: \(group.example.advice)", indent: 2) }
  }

  private func speaker(of recipient: DeliveryStatusReport.Recipient) -> String {
    if recipient.isExpired { return "What happened:" }
    return recipient.isAnswer ? "The other side said:" : "The reason:"
  }

  private func reply(of recipient: DeliveryStatusReport.Recipient) -> String {
    let status = recipient.status.map { "\(PlainText.ascii($0)) " } ?? ""
    let code = recipient.code > 0 ? "\(recipient.code) " : ""
    let text = PlainText.line(recipient.text)
    return recipient.isExpired ? text : code + status + text
  }

  private func writeMore(into text: inout WrappedText) {
    let more = report.recipients.count - MailLimits.namedRecipientsMax
    if more > 0 {
      text.add("And \(more) more recipients: all of them are listed in the second part.", isParagraph: true)
    }
  }

  // MARK: the end

  private var closing: String {
    var text = ""
    if report.kind == .relayed {
      text += "That system does not report whether mail has arrived: you hear of it again only if it is returned. "
    }
    if let until = report.until {
      text += "There is nothing for you to do; please do not send it again. We go on trying until "
      text += "\(report.date(until)), and tell you if it cannot be delivered by then. "
    }
    text += "Recipients who are not named here are not concerned. "
    switch (returned.part, returned.isMessage, returned.isCut) {
    case (nil, _, _):
      text += "The message cannot be attached, because the gateway can no longer read it from its disk."
    case (_, true, _): text += "The message is attached."
    case (_, _, true): text += "The beginning of the message's header is attached."
    case (_, _, false): text += "The header of the message is attached, without its text."
    }
    return text
  }
}

extension DeliveryStatusReport.Recipient {
  /// What a person can do, by what the other side's code means (RFC 3463 section 3).
  fileprivate var advice: String {
    if isExpired {
      return "ask the recipient in another way whether their mail works, and send the message again later."
    }
    let parts = (status ?? "").split(separator: ".").compactMap { Int($0) }
    // The other side has said nothing, so it is no help to read it. What we say ourselves of a message is about its form.
    guard isAnswer || parts.count == 3 && (parts[1] == 6 || parts[1] == 3) else { return "ask your administrator." }
    guard parts.count == 3 else { return code == 552 ? Self.smaller : Self.general }
    switch (parts[1], parts[2]) {
    case (1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (4, 4):
      return "look for a typing error in the address; perhaps it no longer exists."
    case (2, 2):
      return "the mailbox is full: tell the recipient in another way, and send the message again later."
    case (2, 0), (2, 1), (2, 4):
      return "this mailbox takes no mail at present: ask the recipient in another way."
    case (2, 3), (3, 4): return Self.smaller
    case (4, 6): return "ask your administrator: mail for this address goes in a circle."
    case (6, _): return "the other side cannot take a message of this form: send it in another, perhaps as plain text."
    case (7, _):
      return "the other side refuses such messages: read what it said, and ask your administrator or the recipient."
    default: return Self.general
    }
  }

  private static let smaller = "the message is too large: send it with fewer or smaller attachments."
  private static let general = "read what the other side said; if that does not help, ask your administrator."
}
