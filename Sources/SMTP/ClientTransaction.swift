// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// One message for one transaction.
package struct ClientTransaction: Sendable, Equatable {
  package var envelope: Envelope
  /// Octets as they will be sent, without transparency dots.
  package var octets: UInt64
  package var isEightBit: Bool
  /// An address or a header field has characters that only SMTPUTF8 allows (RFC 6531).
  package var needsUTF8: Bool
  /// nil: the sender has said nothing.
  package var notification: NotificationWish?

  package init(
    envelope: Envelope, octets: UInt64, isEightBit: Bool, needsUTF8: Bool = false, notification: NotificationWish? = nil
  ) {
    self.envelope = envelope
    self.octets = octets
    self.isEightBit = isEightBit
    self.needsUTF8 = needsUTF8
    self.notification = notification
  }
}

/// What became of one recipient.
package enum RecipientResult: Sendable, Equatable {
  case delivered(Reply)
  case deferred(Reply)
  case failed(Reply)
  /// The connection was lost behind the end of data: the upstream may have the message. Tried again all the same,
  /// because a duplicate is better than a loss (RFC 1047).
  case unknown(Reply)
  /// Not decided: it may be tried again at once, and nothing is counted.
  case untried
}
