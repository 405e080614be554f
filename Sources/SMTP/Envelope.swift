// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Who sends a message and who shall get it, as the SMTP dialogue said it (RFC 5321 section 2.3.1). The header fields
/// have no part in it.
package struct Envelope: Sendable, Hashable {
  /// nil is the null path `<>` of notifications (RFC 5321 section 4.5.5).
  package var sender: Address?
  package var recipients: [Address]
  package var body: BodyKind

  package init(sender: Address?, recipients: [Address], body: BodyKind = .sevenBit) {
    self.sender = sender
    self.recipients = recipients
    self.body = body
  }
}

/// What the client declared with `BODY=` (RFC 6152).
package enum BodyKind: UInt8, Sendable, Hashable {
  case sevenBit = 0
  case eightBit = 1
}
