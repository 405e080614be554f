// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// One message for one transaction.
package struct ClientTransaction: Sendable, Equatable {
  package var envelope: Envelope
  /// Octets as they will be sent, without transparency dots.
  package var octets: UInt64
  package var isEightBit: Bool

  package init(envelope: Envelope, octets: UInt64, isEightBit: Bool) {
    self.envelope = envelope
    self.octets = octets
    self.isEightBit = isEightBit
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
