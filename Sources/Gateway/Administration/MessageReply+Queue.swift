// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Queue

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
  }
}

extension MessageReply.SentOn {
  fileprivate init(_ note: Detours.Note) {
    self.init(
      upstream: note.upstream, reply: note.reply.description, at: Timestamp(milliseconds: note.wall),
      recipients: note.indexes.count)
  }
}
