// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Who sends a message and who shall get it, as the SMTP dialogue said it (RFC 5321 section 2.3.1). The header fields
/// have no part in it.
package struct Envelope: Sendable, Hashable {
  /// nil is the null path `<>` of notifications (RFC 5321 section 4.5.5).
  package var sender: Address?
  package var recipients: [Address]
  package var body: BodyKind
  /// The client asked for SMTPUTF8 (RFC 6531), whether the message needs it or not.
  package var isUTF8: Bool
  /// What the sender wants to be told, with one entry for each recipient; nil: he has said nothing.
  package var notification: NotificationWish?

  package init(
    sender: Address?, recipients: [Address], body: BodyKind = .sevenBit, isUTF8: Bool = false,
    notification: NotificationWish? = nil
  ) {
    self.sender = sender
    self.recipients = recipients
    self.body = body
    self.isUTF8 = isUTF8
    self.notification = notification
  }
}

extension Envelope {
  /// One more recipient, of whom the sender wants to hear this. `known` is his place if he is there already: then he has
  /// one entry, and the sender is told of whatever he asked for in either.
  mutating func add(_ recipient: Address, _ wish: NotificationWish.OfRecipient, known: Int?) {
    if known == nil { recipients.append(recipient) }
    guard notification != nil || !wish.isEmpty else { return }
    // Taken out, so that the list is not copied for each of its members.
    var wishes = notification.take() ?? NotificationWish()
    while wishes.recipients.count < recipients.count { wishes.recipients.append(NotificationWish.OfRecipient()) }
    if let known {
      wishes.recipients[known].merge(wish)
    } else {
      wishes.recipients[recipients.count - 1] = wish
    }
    notification = wishes
  }
}

/// What the client declared with `BODY=` (RFC 6152).
package enum BodyKind: UInt8, Sendable, Hashable {
  case sevenBit = 0
  case eightBit = 1
}
