// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// The right to tell the sender of one message once what became of recipients. Nobody else gets it until the message
/// that tells it is accepted (`MessageQueue.accept`); one that is just dropped is given again.
package struct Notice: ~Copyable, Sendable {
  package enum Kind: UInt8, Sendable, Hashable {
    case failed = 1
    /// Deferred for longer than `QueuePolicy.warnAfter`, and still tried.
    case delayed = 2
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
    index: Int, address: Address, reply: Reply?, attempts: Int, isExpired: Bool = false, isBounced: Bool = false,
    wall: Int64? = nil
  ) {
    self.index = index
    self.address = address
    self.reply = reply
    self.attempts = attempts
    self.isExpired = isExpired
    self.isBounced = isBounced
    self.wall = wall
  }
}
