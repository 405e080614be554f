// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What holds for every session of a listener.
package struct ServerPolicy: Sendable, Equatable {
  package var hostname: String
  /// STARTTLS is offered while TLS is off.
  package var offersTLS: Bool
  package var messageOctetsMax: UInt64
  package var recipientsMax: Int
  /// As whom clients may send; nil: as anybody.
  package var senders: [MailboxPattern]?

  package init(
    hostname: String, offersTLS: Bool, messageOctetsMax: UInt64, recipientsMax: Int, senders: [MailboxPattern]? = nil
  ) {
    self.hostname = hostname
    self.offersTLS = offersTLS
    self.messageOctetsMax = messageOctetsMax
    self.recipientsMax = recipientsMax
    self.senders = senders
  }
}

/// What the configuration lets this client do that others may not, and the other way round.
package struct ClientRights: Sendable, Equatable {
  package var mayOmitLogin: Bool
  package var mayOmitTLS: Bool
  /// In content; commands end in CRLF for everybody.
  package var mayEndLinesInLF: Bool
  package var mayGiveAnyName: Bool
  /// As whom all its mail goes, whatever it says in MAIL; nil: as it says.
  package var sender: Address?
  /// Whom it may write to; empty: anybody.
  package var recipients: [MailboxPattern]
  /// What the admin calls it.
  package var clientName: String?

  package init(
    mayOmitLogin: Bool = false, mayOmitTLS: Bool = false, mayEndLinesInLF: Bool = false, mayGiveAnyName: Bool = false,
    sender: Address? = nil, recipients: [MailboxPattern] = [], clientName: String? = nil
  ) {
    self.mayOmitLogin = mayOmitLogin
    self.mayOmitTLS = mayOmitTLS
    self.mayEndLinesInLF = mayEndLinesInLF
    self.mayGiveAnyName = mayGiveAnyName
    self.sender = sender
    self.recipients = recipients
    self.clientName = clientName
  }
}

/// Of what a client may and others may not, what it has made use of: the login is omitted, not only omissible.
package struct UsedRights: OptionSet, Sendable, Hashable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  package static let omittedLogin = UsedRights(rawValue: 1)
  package static let omittedTLS = UsedRights(rawValue: 2)
  package static let endedLinesInLF = UsedRights(rawValue: 4)
  package static let gaveAnyName = UsedRights(rawValue: 8)
}
