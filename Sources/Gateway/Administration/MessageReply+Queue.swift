// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Queue
import SMTP

extension MessageReply {
  /// A row of the list. `now` is wall time in milliseconds.
  package init(_ view: MessageView, now: Int64) {
    self.init(
      id: view.id.description, state: view.state.name, sender: view.sender?.text ?? "",
      recipients: view.recipients.enumerated().map { index, recipient in
        Recipient(
          number: index + 1, address: recipient.address.text, state: recipient.state.name,
          attempts: recipient.attempts)
      },
      size: view.size, received: Timestamp(milliseconds: view.received),
      ageSeconds: max(0, Int((now - view.received) / 1000)),
      next: view.nextAttempt.map(Timestamp.init(milliseconds:)), expires: Timestamp(milliseconds: view.expires),
      hold: view.hold.map { hold in
        Hold(
          by: hold.by.text, since: Timestamp(milliseconds: hold.since),
          until: hold.until.map(Timestamp.init(milliseconds:)), reason: hold.reason?.text)
      },
      drop: view.drop.map { drop in
        Drop(
          batch: Int(clamping: drop.batch), by: drop.by.text, since: Timestamp(milliseconds: drop.since),
          until: Timestamp(milliseconds: drop.until))
      })
  }

  /// All that `show` says: the row with what was read back from the log.
  package init(_ details: MessageDetails, notes: [Detours.Note] = [], now: Int64) {
    self.init(details.view, now: now)
    if !notes.isEmpty { sentOn = notes.map(SentOn.init) }
    for last in details.replies where recipients.indices.contains(last.index) {
      recipients[last.index].code = last.reply.code
      recipients[last.index].status = last.reply.status?.description
      recipients[last.index].reply = last.reply.text.text
      recipients[last.index].upstream = last.upstream
    }
    let origin = details.origin
    client = Client(
      address: origin.address, name: origin.client, user: origin.login, helo: origin.helo, listener: origin.listener,
      tls: origin.tls)
    if details.duplicatePossible { duplicatePossible = true }
    if details.isUTF8 { smtpUTF8 = true }
    guard let wish = details.notification else { return }
    returned = wish.returned?.rawValue
    envelopeID = wish.readableEnvelopeID
    for (index, wish) in wish.recipients.enumerated() where recipients.indices.contains(index) {
      recipients[index].notify = wish.events?.text
      recipients[index].original = wish.original.flatMap(OriginalRecipient.init).map { "\($0.type);\($0.address)" }
    }
  }
}

extension MessageReply.SentOn {
  fileprivate init(_ note: Detours.Note) {
    self.init(
      upstream: note.upstream, reply: note.reply.description, at: Timestamp(milliseconds: note.wall),
      recipients: note.indexes.count)
  }
}
