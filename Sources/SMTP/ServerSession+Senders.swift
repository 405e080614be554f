// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// As whom a client may send.
extension ServerSession {
  /// The sender of the envelope. One that the admin has given to the client needs no other leave.
  mutating func sender(of mail: MailCommand) throws(Reply) -> Address? {
    replacedSender = nil
    if let forced = rights.sender {
      if forced != mail.sender { replacedSender = mail.sender?.text ?? "" }
      return forced
    }
    if let allowed = allowedSenders, let sender = mail.sender {
      guard allowed.contains(where: { $0.matches(sender) }) else { throw .senderNotAllowed(sender, allowed: allowed) }
    }
    return mail.sender
  }

  /// Whether it is to be asked for `refusal(of:in:)` of what the header says. Of a client that has a sender it does not
  /// matter: the author becomes that one on the way out.
  package var holdsAuthors: Bool { policy.senders != nil && rights.sender == nil }

  /// The reply to a message that is another's by a field of its header; nil: it may say that. `addresses` is nil where
  /// the field cannot be read, and then it could be anybody's.
  package func refusal(of addresses: [String]?, in field: String) -> Reply? {
    guard holdsAuthors, let allowed = allowedSenders, !allowed.contains(.any) else { return nil }
    guard let addresses else { return .authorUnreadable(field, allowed: allowed) }
    for text in addresses {
      guard let address = Address(text) else { return .authorUnreadable(field, allowed: allowed) }
      guard allowed.contains(where: { $0.matches(address) }) else {
        return .authorNotAllowed(field, address, allowed: allowed)
      }
    }
    return nil
  }

  /// nil: as anybody.
  private var allowedSenders: [MailboxPattern]? {
    policy.senders.map { ownAddresses + $0 }
  }
}
