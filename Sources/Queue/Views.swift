// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Where a message stands.
package enum MessageState: UInt8, Sendable, CaseIterable {
  case queued = 0
  case sending = 1
  /// Every recipient that is left waits for its next attempt.
  case deferred = 2
  /// No recipient is left to try, and the failure of at least one is still to be told.
  case failed = 3
  /// Its content is damaged on disk: kept, never delivered.
  case quarantined = 4
  /// An admin wants it to wait.
  case held = 5
  /// An admin took it out of the queue; it can be put back for a time.
  case dropped = 6
  /// Every recipient has an outcome, and of what was relayed the sender is still to be told.
  case relayed = 7
}

/// Where one recipient of a message stands.
package enum RecipientState: UInt8, Sendable {
  case queued = 0
  case sending = 1
  case deferred = 2
  case delivered = 3
  /// Nobody has been told yet.
  case failed = 4
  /// Failed, and somebody was told or nobody is to be told: finished.
  case reported = 5
  /// An upstream has it that tells nobody, and the sender is still to be told.
  case relayed = 6
}

/// What an admin sees of a message without a look at the disk.
package struct MessageView: Sendable, Hashable {
  package var id: MessageID
  package var state: MessageState
  package var sender: Address?
  package var recipients: [RecipientView]
  /// Octets of the content as the client sent it.
  package var size: Int
  /// Milliseconds since 1970, as all times here.
  package var received: Int64
  /// Of the recipient that was tried most often.
  package var attempts: Int
  package var nextAttempt: Int64?
  package var expires: Int64
  /// Login, or name of the client, or address.
  package var submitter: String
  /// Also of a message that is being sent and held when that is over.
  package var hold: Hold?
  /// Also of a message that is being sent and dropped when that is over.
  package var drop: Drop?

  package init(
    id: MessageID, state: MessageState, sender: Address? = nil, recipients: [RecipientView], size: Int,
    received: Int64, attempts: Int, nextAttempt: Int64? = nil, expires: Int64, submitter: String, hold: Hold? = nil,
    drop: Drop? = nil
  ) {
    self.id = id
    self.state = state
    self.sender = sender
    self.recipients = recipients
    self.size = size
    self.received = received
    self.attempts = attempts
    self.nextAttempt = nextAttempt
    self.expires = expires
    self.submitter = submitter
    self.hold = hold
    self.drop = drop
  }
}

/// Who made a message wait, and why.
package struct Hold: Sendable, Hashable {
  /// nil: until it is released.
  package var until: Int64?
  package var since: Int64
  package var by: PeerText
  package var reason: PeerText?

  package init(until: Int64? = nil, since: Int64, by: PeerText, reason: PeerText? = nil) {
    self.until = until
    self.since = since
    self.by = by
    self.reason = reason
  }
}

/// Who took a message out of the queue, and how long it can be put back.
package struct Drop: Sendable, Hashable {
  package var batch: UInt64
  package var until: Int64
  package var since: Int64
  package var by: PeerText

  package init(batch: UInt64, until: Int64, since: Int64, by: PeerText) {
    self.batch = batch
    self.until = until
    self.since = since
    self.by = by
  }
}

extension MessageView {
  /// Of the recipients that are left to try, or of all if none is; each once, in order.
  package var lanes: [UInt8] {
    let open = recipients.filter(\.state.isOpen)
    return Set((open.isEmpty ? recipients : open).map(\.lane)).sorted()
  }
}

package struct RecipientView: Sendable, Hashable {
  package var address: Address
  package var state: RecipientState
  package var attempts: Int
  /// Number of the lane in the routing that is in force.
  package var lane: UInt8

  package init(address: Address, state: RecipientState, attempts: Int, lane: UInt8 = 0) {
    self.address = address
    self.state = state
    self.attempts = attempts
    self.lane = lane
  }
}

/// A message with what is read back from the log.
package struct MessageDetails: Sendable {
  package var view: MessageView
  package var origin: Origin
  /// The last reply to each recipient that has one, by index in `view.recipients`.
  package var replies: [LastReply]
  /// An attempt ended without the upstream's answer: it may have the message.
  package var duplicatePossible: Bool
  /// What the sender wants to be told; nil: he has said nothing.
  package var notification: NotificationWish?
  /// The client asked for SMTPUTF8.
  package var isUTF8: Bool

  package init(
    view: MessageView, origin: Origin, replies: [LastReply], duplicatePossible: Bool,
    notification: NotificationWish? = nil, isUTF8: Bool = false
  ) {
    self.view = view
    self.origin = origin
    self.replies = replies
    self.duplicatePossible = duplicatePossible
    self.notification = notification
    self.isUTF8 = isUTF8
  }
}

package struct LastReply: Sendable, Hashable {
  package var index: Int
  package var wall: Int64
  package var reply: Reply
  /// Who gave it; nil if that is not known, as after a start, or if nobody did.
  package var upstream: String?

  package init(index: Int, wall: Int64, reply: Reply, upstream: String? = nil) {
    self.index = index
    self.wall = wall
    self.reply = reply
    self.upstream = upstream
  }
}

package struct QueueSummary: Sendable, Hashable {
  package var queued = 0
  package var sending = 0
  package var deferred = 0
  package var failed = 0
  package var relayed = 0
  package var quarantined = 0
  package var held = 0
  /// Not in the queue any more, but kept for a time.
  package var dropped = 0
  /// Octets of all messages but the dropped with their prefixes.
  package var octets = 0
  package var droppedOctets = 0
  /// When the oldest message was accepted that is not dropped.
  package var oldest: Int64?

  package init() {}

  /// Without the dropped.
  package var messages: Int { queued + sending + deferred + failed + relayed + quarantined + held }
}
