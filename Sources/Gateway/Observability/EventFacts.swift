// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP

/// The client that an event is about, as `NAME[ADDRESS]`.
package struct EventClient: Sendable, Hashable, CustomStringConvertible {
  /// Of the `[[client]]` that matches; nil if none does.
  package var name: String?
  package var address: String
  /// Of `[listen.NAME]`.
  package var listener: String

  package init(name: String?, address: String, listener: String) {
    self.name = name
    self.address = address
    self.listener = listener
  }

  package var description: String { "\(name ?? "unknown")[\(address)]" }
}

/// A message that is durable.
package struct AcceptedMessage: Sendable {
  package var id: MessageID
  package var envelope: Envelope
  package var origin: Origin
  package var octets: Int
  package var mechanism: SASLMechanism?
  /// What the client said in MAIL, "" for the null path; nil: it is the sender.
  package var replacedSender: String?
  /// `Message-ID` as the client wrote it; nil if it wrote none, or something else.
  package var headerMessageID: PeerText?

  package init(
    id: MessageID, envelope: Envelope, origin: Origin, octets: Int, mechanism: SASLMechanism? = nil,
    replacedSender: String? = nil, headerMessageID: PeerText? = nil
  ) {
    self.id = id
    self.envelope = envelope
    self.origin = origin
    self.octets = octets
    self.mechanism = mechanism
    self.replacedSender = replacedSender
    self.headerMessageID = headerMessageID
  }
}

/// A notification that is durable.
package struct NotificationFacts: Sendable {
  /// Of the notification.
  package var id: MessageID
  /// The message that it is about.
  package var about: MessageID
  package var kind: Notice.Kind
  /// Who is told.
  package var told: [Address]
  /// Whether the sender is among them.
  package var isSenderTold: Bool

  package init(id: MessageID, about: MessageID, kind: Notice.Kind, told: [Address], isSenderTold: Bool) {
    self.id = id
    self.about = about
    self.kind = kind
    self.told = told
    self.isSenderTold = isSenderTold
  }
}

/// What an attempt came to for one recipient.
package struct DeliveryReport: Sendable {
  package var id: MessageID
  package var to: Address
  package var upstream: String
  /// nil: it went over no connection.
  package var course: DeliveryCourse?
  package var reply: Reply
  /// The first being 1.
  package var attempt: Int
  /// From acceptance until now.
  package var delayMilliseconds: Int64
  /// Wall milliseconds; nil if there is none.
  package var nextAttempt: Int64?
  /// The recipient may have the message from an attempt whose answer did not come, this one or an earlier one.
  package var isDuplicatePossible: Bool

  package init(
    id: MessageID, to: Address, upstream: String, course: DeliveryCourse?, reply: Reply, attempt: Int,
    delayMilliseconds: Int64, nextAttempt: Int64? = nil, isDuplicatePossible: Bool = false
  ) {
    self.id = id
    self.to = to
    self.upstream = upstream
    self.course = course
    self.reply = reply
    self.attempt = attempt
    self.delayMilliseconds = delayMilliseconds
    self.nextAttempt = nextAttempt
    self.isDuplicatePossible = isDuplicatePossible
  }
}
