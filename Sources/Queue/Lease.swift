// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// The right to try one message once, for all of its recipients that were ready. Nobody else gets the message until
/// the lease is recorded or released; one that is just dropped counts as released.
package struct Lease: ~Copyable, Sendable {
  package let id: MessageID
  /// Its recipients are those leased.
  package let envelope: Envelope
  /// Place of each of them in the message.
  package let recipientIndexes: [Int]
  package let content: StoredContent
  /// Milliseconds since 1970.
  package let submittedAt: Int64
  /// Number of this attempt, the first being 1; of the recipient that was tried most often.
  package let attempt: Int
  package let hints: ContentHints
  package let source: MailSource
  /// Login, or name of the client, or address.
  package var submitter: String { source.submitter }
  /// From which it was taken.
  package let lane: Lane
  let number: UInt64
  let core: QueueCore

  init(
    number: UInt64, id: MessageID, lane: Lane, message: QueueState.Message, indexes: [Int], source: MailSource,
    core: QueueCore
  ) {
    self.number = number
    self.id = id
    self.lane = lane
    content = StoredContent(id: id, message: message)
    self.core = core
    self.source = source
    let addresses = message.recipients.addresses
    envelope = Envelope(
      sender: message.recipients.sender, recipients: indexes.map { addresses[$0] }, body: message.body,
      isUTF8: message.isUTF8, notification: message.recipients.wish?.of(indexes))
    recipientIndexes = indexes
    submittedAt = message.received
    attempt = 1 + (indexes.map { Int(message.recipients[$0].attempts) }.max() ?? 0)
    hints = message.hints
  }

  deinit { core.giveBack(number) }
}

/// Where the content of a message lies. Good for `read` while the message is leased.
package struct StoredContent: Sendable {
  package let id: MessageID
  let message: QueueState.Message

  /// Octets that we put in front of the client's: the first octets of the content as `read` gives it.
  package var prefixOctets: Int { Int(message.prefixOctets) }
  /// Calls of `read` that give the whole content, prefix first. The record of the acceptance holds the beginning and
  /// the end of a message that has chunks before it.
  package var chunkCount: Int { message.extents.isEmpty ? 1 : message.extents.count + 2 }
  /// With the prefix.
  package var octets: Int { message.octets }
}

/// What an attempt came to for one recipient.
package struct RecipientOutcome: Sendable {
  package enum Result: Sendable, Hashable {
    case delivered
    /// The same, and the sender is told if he wants to be: the upstream will not.
    case relayed
    /// Becomes a failure when the message has passed its lifetime.
    case deferred
    case failed
  }

  /// One of the lease's `recipientIndexes`.
  package var index: Int
  package var result: Result
  package var reply: Reply
  /// The connection was lost after the end of data and before the reply: the upstream may have the message. What the
  /// queue returns says it of this attempt and of all before it.
  package var isUncertain: Bool

  package init(index: Int, result: Result, reply: Reply, isUncertain: Bool = false) {
    self.index = index
    self.result = result
    self.reply = reply
    self.isUncertain = isUncertain
  }
}
