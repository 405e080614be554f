// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The record that `show` prints: what is known of the message, then a row for each recipient with the last reply.
package enum ShowView {
  package static func lines(_ message: MessageReply, now: Timestamp, style: Style) -> [String] {
    if message.finished != nil { return EndText.sentences(message, now: now).map(TerminalText.escaped) }
    let escaped = TerminalText.escaped
    let tone: Style.Tone = message.state == "failed" ? .bad : message.state == "deferred" ? .warning : .good
    var lines = [
      "Message \(style.paint(escaped(message.id), .strong))   \(style.paint(escaped(message.state), tone))   "
        + Humane.longSize(message.size),
      "  from      \(escaped(QueueView.path(message.sender)))",
      "  received  \(message.received.forPeople)   \(Humane.longSpan(seconds: message.ageSeconds)) ago",
    ]
    if let wishes = wishes(message) { lines.append("  asked for \(escaped(wishes))") }
    if let client = message.client { lines.append("  client    \(escaped(facts(client)))") }
    if let hold = message.hold { lines.append("  held      \(escaped(facts(hold, now: now)))") }
    if let drop = message.drop {
      lines.append("  dropped   \(escaped("by \(drop.by)")) at \(drop.since.forPeople), batch \(drop.batch)")
      lines.append("  erased    \(drop.until.forPeople)   \(Humane.until(drop.until, from: now))")
      lines.append("  put back  postern undrop batch:\(drop.batch)")
    }
    if let next = message.next { lines.append("  next      \(next.forPeople)   \(Humane.until(next, from: now))") }
    if message.state != "failed", message.state != "dropped", let expires = message.expires {
      lines.append("  gives up  \(expires.forPeople)   \(Humane.until(expires, from: now))")
    }
    for sent in message.sentOn ?? [] {
      lines.append(
        "  sent on   \(sent.at.forPeople) by \(escaped(sent.upstream)) for "
          + "\(Humane.count(sent.recipients, "recipient")): \(escaped(sent.reply))")
    }
    if message.duplicatePossible == true {
      lines.append("  \(style.paint("!", .warning)) a connection broke before its last reply: a duplicate is possible")
    }
    let hasWishes = message.recipients.contains { $0.notify != nil || $0.original != nil }
    var table = Table(
      ["N", "TO", "STATE", "TRIES"] + (hasWishes ? ["NOTIFY"] : []) + ["LAST REPLY"], style: style.uncut)
    lines.append("")
    lines += message.recipients.flatMap { recipient in
      table.add(
        [String(recipient.number), recipient.address, recipient.state, String(recipient.attempts)]
          + (hasWishes ? [notify(recipient)] : []) + [reply(recipient)])
    }
    return lines + table.finish()
  }

  /// In the words of MAIL.
  private static func wishes(_ message: MessageReply) -> String? {
    let words = [
      message.smtpUTF8 == true ? "SMTPUTF8" : nil, message.returned.map { "RET=\($0)" },
      message.envelopeID.map { "ENVID=\($0)" },
    ].compactMap { $0 }
    return words.isEmpty ? nil : words.joined(separator: ", ")
  }

  private static func notify(_ recipient: MessageReply.Recipient) -> String {
    let words = [recipient.notify, recipient.original.map { "for \($0)" }].compactMap { $0 }
    return words.isEmpty ? "-" : words.joined(separator: " ")
  }

  private static func facts(_ client: MessageReply.Client) -> String {
    // A notification comes from nowhere.
    if client.address.isEmpty { return "none: written by the gateway itself" }
    return [
      client.name.map { "\($0) (\(client.address))" } ?? client.address,
      client.helo.map { "calls itself \($0)" },
      client.user.map { "user \($0)" },
      client.listener,
      client.tls ?? "clear text",
    ].compactMap { $0 }.joined(separator: ", ")
  }

  private static func facts(_ hold: MessageReply.Hold, now: Timestamp) -> String {
    let end = hold.until.map { "until \($0.forPeople) (\(Humane.until($0, from: now)))" } ?? "until it is released"
    return "by \(hold.by) since \(hold.since.forPeople), \(end)" + (hold.reason.map { ": \($0)" } ?? "")
  }

  private static func reply(_ recipient: MessageReply.Recipient) -> String {
    let parts = [recipient.code.map(String.init), recipient.status, recipient.reply].compactMap { $0 }
    return parts.isEmpty ? "-" : (recipient.upstream.map { "\($0): " } ?? "") + parts.joined(separator: " ")
  }
}

extension Style {
  /// A record is read, not scanned: nothing in it is cut.
  fileprivate var uncut: Style { Style(color: color, cutsLongCells: false, symbols: symbols) }
}
