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

  /// nil: as anybody.
  private var allowedSenders: [MailboxPattern]? {
    policy.senders.map { ownAddresses + $0 }
  }
}
