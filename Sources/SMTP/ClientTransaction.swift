// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// One message for one transaction.
package struct ClientTransaction: Sendable, Equatable {
  package var envelope: Envelope
  /// Octets as they will be sent, without transparency dots.
  package var octets: UInt64
  package var isEightBit: Bool
  /// The header has characters that only SMTPUTF8 allows (RFC 6531), and whoever submitted it asked for that. Of the
  /// envelope the session sees by itself.
  package var needsUTF8: Bool
  /// nil: the sender has said nothing. Else with one entry for each recipient.
  package var notification: NotificationWish?
  /// The envelope's sender is not who sent it, so that an upstream would tell somebody else what he asked for.
  package var isSenderReplaced: Bool

  package init(
    envelope: Envelope, octets: UInt64, isEightBit: Bool, needsUTF8: Bool = false,
    notification: NotificationWish? = nil, isSenderReplaced: Bool = false
  ) {
    self.envelope = envelope
    self.octets = octets
    self.isEightBit = isEightBit
    self.needsUTF8 = needsUTF8
    self.notification = notification
    self.isSenderReplaced = isSenderReplaced
  }
}

extension ClientTransaction {
  /// Nobody gets it without SMTPUTF8.
  var isUTF8: Bool { needsUTF8 || envelope.sender?.isASCII == false }

  /// The sender wants to hear that this recipient has got it.
  func wantsSuccess(_ index: Int) -> Bool {
    guard let wishes = notification?.recipients, wishes.indices.contains(index) else { return false }
    return wishes[index].events?.contains(.success) == true
  }
}

/// What became of one recipient.
package enum RecipientResult: Sendable, Equatable {
  case delivered(Reply)
  /// The same, where the sender wants to hear of it and the upstream will not tell him: it does not offer DSN (RFC 3461
  /// section 5.2.2).
  case relayed(Reply)
  case deferred(Reply)
  case failed(Reply)
  /// The connection was lost behind the end of data: the upstream may have the message. Tried again all the same,
  /// because a duplicate is better than a loss (RFC 1047).
  case unknown(Reply)
  /// Not decided: it may be tried again at once, and nothing is counted.
  case untried
}
