// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Keeps a memory of mail that the queue forgets.
package protocol FinishedMail: AnyObject, Sendable {
  /// Recipients are at their end, and that is durable. Called on the thread that steps the log, without a lock, once for
  /// a sync; who waits here keeps clients waiting.
  func finished(_ mail: [Ending])
}

/// Recipients of one message that came to their end together. Costs little until somebody reads it.
package struct Ending: Sendable {
  package let id: MessageID
  /// As it was before.
  let message: QueueState.Message
  let submitter: String
  /// Where the last attempt went; nil if an admin ended it.
  package let upstream: String?
  let wall: Int64
  let isOrdered: Bool
  let recipients: [(index: Int, state: FinishedState, attempts: Int, isUncertain: Bool, reply: Reply?)]

  /// nil if all of its recipients are tried again.
  init?(_ attempt: Attempt, _ message: QueueState.Message, submitter: String, upstream: String?) {
    id = attempt.id
    self.upstream = upstream
    wall = attempt.wall
    isOrdered = false
    self.message = message
    self.submitter = submitter
    recipients = attempt.outcomes.compactMap { outcome in
      let state: FinishedState
      switch outcome.result {
      case .delivered, .relayed: state = .sent
      case .failed: state = .failed
      case .expired: state = .expired
      case .deferred: return nil
      }
      let wasUncertain = message.recipients[outcome.index].isUncertain
      return (outcome.index, state, outcome.attempts, wasUncertain || outcome.isUncertain, outcome.reply)
    }
    if recipients.isEmpty { return nil }
  }

  /// `failing` are those that had not failed before; nil if there is none.
  init?(_ bounce: Bounce, failing: [Int], _ message: QueueState.Message, submitter: String) {
    if failing.isEmpty { return nil }
    id = bounce.id
    upstream = nil
    wall = bounce.wall
    isOrdered = true
    self.message = message
    self.submitter = submitter
    recipients = failing.map { index in
      let entry = message.recipients[index]
      return (index, .failed, Int(entry.attempts), entry.isUncertain, bounce.reply)
    }
  }

  /// A message that is erased; nil if no recipient of it was left to try.
  init?(erased id: MessageID, at wall: Int64, _ message: QueueState.Message, submitter: String) {
    self.id = id
    self.wall = wall
    upstream = nil
    isOrdered = true
    self.message = message
    self.submitter = submitter
    recipients = (0..<message.recipients.count).compactMap { index in
      let entry = message.recipients[index]
      return entry.state.isOpen ? (index, .dropped, Int(entry.attempts), entry.isUncertain, nil) : nil
    }
    if recipients.isEmpty { return nil }
  }

  package var mail: FinishedMessage {
    let addresses = message.recipients.addresses
    return FinishedMessage(
      id: id, sender: message.recipients.sender,
      recipients: recipients.map { recipient in
        FinishedRecipient(
          index: recipient.index, address: addresses[recipient.index], state: recipient.state,
          attempts: recipient.attempts, reply: recipient.reply, finished: wall, isOrdered: isOrdered,
          isUncertain: recipient.isUncertain)
      },
      size: message.octets - Int(message.prefixOctets), received: message.received, submitter: submitter)
  }
}

/// How it ended for a recipient.
package enum FinishedState: String, Sendable, CaseIterable {
  case sent
  case failed
  /// Deferred until the message had passed its lifetime.
  case expired
  /// An admin took it out of the queue, and nobody was told.
  case dropped
}

/// What is remembered of a message, or of those of its recipients that are at their end.
package struct FinishedMessage: Sendable, Hashable {
  package var id: MessageID
  package var sender: Address?
  package var recipients: [FinishedRecipient]
  /// Octets of the content as the client sent it.
  package var size: Int
  /// Milliseconds since 1970, as all times here.
  package var received: Int64
  /// Login, or name of the client, or address.
  package var submitter: String

  package init(
    id: MessageID, sender: Address?, recipients: [FinishedRecipient], size: Int, received: Int64, submitter: String
  ) {
    self.id = id
    self.sender = sender
    self.recipients = recipients
    self.size = size
    self.received = received
    self.submitter = submitter
  }
}

package struct FinishedRecipient: Sendable, Hashable {
  /// Place in the message.
  package var index: Int
  package var address: Address
  package var state: FinishedState
  package var attempts: Int
  /// The one that ended it; nil if there was none.
  package var reply: Reply?
  package var finished: Int64
  /// By an admin: the reply is his.
  package var isOrdered: Bool
  /// Some attempt ended without the upstream's answer: it may have had the message then.
  package var isUncertain: Bool
  /// The way that the last attempt took, where that is known.
  package var upstream: String?

  package init(
    index: Int, address: Address, state: FinishedState, attempts: Int, reply: Reply?, finished: Int64,
    isOrdered: Bool = false, isUncertain: Bool = false, upstream: String? = nil
  ) {
    self.index = index
    self.address = address
    self.state = state
    self.attempts = attempts
    self.reply = reply
    self.finished = finished
    self.isOrdered = isOrdered
    self.isUncertain = isUncertain
    self.upstream = upstream
  }
}
