// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// The right to tell the sender of one message once what became of recipients. Nobody else gets it until the message
/// that tells it is accepted (`MessageQueue.accept`); one that is just dropped is given again.
package struct Notice: ~Copyable, Sendable {
  package enum Kind: UInt8, Sendable, Hashable, CaseIterable {
    case failed = 1
    /// Deferred for longer than `QueuePolicy.warnAfter`, and still tried.
    case delayed = 2
    /// An upstream has them that tells nobody, and the sender wants to hear of it (RFC 3461 section 5.2.2).
    case relayed = 3
  }

  package let id: MessageID
  package let kind: Kind
  package let sender: Address
  package let recipients: [NoticeRecipient]
  /// Milliseconds since 1970, as all times here.
  package let received: Int64
  package let expires: Int64
  /// Good for `read` while this notice lives.
  package let content: StoredContent
  package let hints: ContentHints
  /// The client asked for SMTPUTF8.
  package let isUTF8: Bool
  /// How much of the message is to go back; nil: the sender has not said.
  package let returned: NotificationWish.Returned?
  /// The sender's name for the message, decoded.
  package let envelopeID: String?
  /// What the client was; empty if the record of the acceptance is damaged.
  package let origin: Origin
  let number: UInt64
  let core: QueueCore

  deinit { core.giveBack(notice: number) }
}

/// What a notification says of one recipient.
package struct NoticeRecipient: Sendable, Hashable {
  /// Place in the message.
  package var index: Int
  package var address: Address
  /// Whom the sender wrote to before somebody else rewrote it.
  package var original: OriginalRecipient?
  /// nil if its record is damaged.
  package var reply: Reply?
  package var attempts: Int
  /// It was deferred until the message had passed its lifetime.
  package var isExpired: Bool
  /// An admin gave it up: the reply is his.
  package var isBounced: Bool
  /// When the reply came; nil if its record is damaged.
  package var wall: Int64?

  package init(
    index: Int, address: Address, original: OriginalRecipient? = nil, reply: Reply?, attempts: Int,
    isExpired: Bool = false, isBounced: Bool = false,
    wall: Int64? = nil
  ) {
    self.index = index
    self.address = address
    self.original = original
    self.reply = reply
    self.attempts = attempts
    self.isExpired = isExpired
    self.isBounced = isBounced
    self.wall = wall
  }
}
