// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Queue

extension MessageReply {
  /// A row of finished mail, and what `show` says of it: all that is remembered. `now` is wall time in milliseconds.
  package init(_ message: FinishedMessage, now: Int64) {
    let worst = Self.gravest.lazy.compactMap { state in message.recipients.first { $0.state == state } }.first
    self.init(
      id: message.id.description, state: worst?.state.rawValue ?? "", sender: message.sender?.text ?? "",
      recipients: message.recipients.map(Recipient.init), size: message.size,
      received: Timestamp(milliseconds: message.received),
      ageSeconds: max(0, Int((now - message.received) / 1000)), expires: nil,
      why: worst?.reply.map(\.description),
      duplicatePossible: message.recipients.contains(where: \.isUncertain) ? true : nil)
    finished = message.recipients.map(\.finished).max().map(Timestamp.init(milliseconds:))
    submitter = message.submitter
  }

  /// What a row says of recipients that ended differently.
  private static let gravest: [FinishedState] = [.failed, .expired, .dropped, .sent]
}

extension MessageReply.Recipient {
  fileprivate init(_ recipient: FinishedRecipient) {
    self.init(
      number: recipient.index + 1, address: recipient.address.text, state: recipient.state.rawValue,
      attempts: recipient.attempts, code: recipient.reply?.code, status: recipient.reply?.status?.description,
      reply: recipient.reply?.text.text)
    finished = Timestamp(milliseconds: recipient.finished)
    upstream = recipient.upstream
    if recipient.isOrdered { byAdmin = true }
    if recipient.isUncertain { duplicatePossible = true }
  }
}
