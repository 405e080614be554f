// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What we say to clients. The display of a printer shows about sixty characters, so the first words count.
extension Reply {
  // MARK: the dialogue

  static let ok = Reply(250, EnhancedStatus(2, 0, 0), "OK")
  static let bye = Reply(221, EnhancedStatus(2, 0, 0), "Bye")
  static let readyForTLS = Reply(220, EnhancedStatus(2, 0, 0), "Ready for TLS")
  static let senderOK = Reply(250, EnhancedStatus(2, 1, 0), "Sender OK")
  static let recipientOK = Reply(250, EnhancedStatus(2, 1, 5), "Recipient OK")
  static let startContent = Reply(354, nil, "End with a line that holds only a dot")
  static let notVerified = Reply(252, EnhancedStatus(2, 1, 5), "Not verified here; send and see")
  static let help = Reply(
    214, EnhancedStatus(2, 0, 0), "EHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP")

  // MARK: syntax and order

  static let unknownCommand = Reply(500, EnhancedStatus(5, 5, 1), "Unknown command")
  static let controlOctets = Reply(500, EnhancedStatus(5, 5, 2), "Control characters in a command")
  static let lineTooLong = Reply(500, EnhancedStatus(5, 5, 2), "Line too long")
  static let authLineTooLong = Reply(500, EnhancedStatus(5, 5, 6), "Login response too long")
  static let notExpanded = Reply(502, EnhancedStatus(5, 5, 1), "EXPN is not offered")
  static func foreignProtocol(_ name: String) -> Reply {
    Reply(500, EnhancedStatus(5, 5, 1), "This is SMTP, not \(name)")
  }
  /// To a client that begins with TLS where it comes later or not at all. It cannot read this; the admin can.
  static func tlsTooEarly(isOffered: Bool) -> Reply {
    let here = isOffered ? "here it is STARTTLS" : "here is none"
    return Reply(500, EnhancedStatus(5, 5, 1), "SSL from the start is port 465; \(here)")
  }
  static let heloFirst = Reply(503, EnhancedStatus(5, 5, 1), "Say EHLO first")
  static let mailFirst = Reply(503, EnhancedStatus(5, 5, 1), "Send MAIL first")
  static let recipientFirst = Reply(503, EnhancedStatus(5, 5, 1), "No valid recipients")
  static let transactionOpen = Reply(503, EnhancedStatus(5, 5, 1), "A message is already begun; RSET drops it")

  static let contentBegun = Reply(503, EnhancedStatus(5, 5, 1), "The content has begun; BDAT goes on, RSET drops it")
  static let badChunkSize = Reply(
    501, EnhancedStatus(5, 5, 4), "Syntax: BDAT takes a number of octets and LAST; closing")

  /// RFC 2920 section 3.1: DATA is the last command of a group.
  static let contentUninvited = Reply(554, EnhancedStatus(5, 5, 0), "Content came without waiting for 354; closing")

  static func chunkTaken(_ octets: UInt64) -> Reply {
    Reply(250, EnhancedStatus(2, 0, 0), "\(octets) octets so far")
  }

  static func syntax(_ what: String) -> Reply { Reply(501, EnhancedStatus(5, 5, 4), "Syntax: \(what)") }
  /// A keyword that is registered is said again. Any other may be a password at the wrong place, and replies are logged.
  static func unknownParameter(_ keyword: String) -> Reply {
    let name = registeredParameters.contains(keyword) ? " \(keyword)" : ""
    return Reply(555, EnhancedStatus(5, 5, 4), "Parameter\(name) is not offered")
  }

  /// iana.org/assignments/mail-parameters
  private static let registeredParameters: Set = [
    "AUTH", "BODY", "BY", "CONNEG", "CONPERM", "ENVID", "HOLDFOR", "HOLDUNTIL", "MT-PRIORITY", "MTRK", "NOTIFY",
    "ORCPT",
    "REQUIRETLS", "RET", "RRVS", "SIZE", "SMTPUTF8", "SOLICIT", "TRANSID",
  ]

  // MARK: addresses and sizes

  static let badSender = Reply(501, EnhancedStatus(5, 1, 7), "Sender is not an address")
  static let badRecipient = Reply(501, EnhancedStatus(5, 1, 3), "Recipient is not an address")
  static let eightBitAddress = Reply(553, EnhancedStatus(5, 6, 7), "Non-ASCII address: SMTPUTF8 and UTF-8 are needed")
  static let tooManyRecipients = Reply(
    452, EnhancedStatus(4, 5, 3), "Too many recipients; send the rest in another message")
  static func senderNotAllowed(_ sender: Address, allowed: [MailboxPattern]) -> Reply {
    Reply(550, EnhancedStatus(5, 7, 1), "Sender \(sender.text) not allowed here; allowed: \(list(allowed))")
  }

  /// `field` is that of the header.
  static func authorNotAllowed(_ field: String, _ address: Address, allowed: [MailboxPattern]) -> Reply {
    Reply(550, EnhancedStatus(5, 7, 1), "\(field) \(address.text) not allowed here; allowed: \(list(allowed))")
  }

  static func authorUnreadable(_ field: String, allowed: [MailboxPattern]) -> Reply {
    Reply(550, EnhancedStatus(5, 7, 1), "\(field) field has no address that can be read; allowed: \(list(allowed))")
  }

  static func recipientNotAllowed(_ recipient: Address, allowed: [MailboxPattern]) -> Reply {
    Reply(550, EnhancedStatus(5, 7, 1), "Recipient \(recipient.text) not allowed from here; allowed: \(list(allowed))")
  }

  /// Five of them fit a reply line.
  private static func list(_ patterns: [MailboxPattern]) -> String {
    let shown = patterns.prefix(5).map(\.description).joined(separator: ", ")
    return patterns.isEmpty ? "none" : patterns.count > 5 ? "\(shown), ..." : shown
  }

  package static let denied = Reply(554, EnhancedStatus(5, 7, 1), "This address may not send here")

  /// `seconds` until there is room for one more.
  package static func tooManyMessages(_ rate: String, seconds: Int) -> Reply {
    let wait = seconds < 120 ? "\(seconds) s" : "\((seconds + 59) / 60) min"
    return Reply(450, EnhancedStatus(4, 7, 1), "Too many messages from this device (\(rate)), try in \(wait)")
  }

  static let bareLineEnd = Reply(550, EnhancedStatus(5, 5, 2), "Bare CR or LF in the message; lines end in CRLF")
  static let nulInContent = Reply(550, EnhancedStatus(5, 6, 0), "NUL in the message")
  package static let loop = Reply(554, EnhancedStatus(5, 4, 6), "Mail goes in a circle: too many Received fields")
  package static let ownLoop = Reply(554, EnhancedStatus(5, 4, 6), "Mail goes in a circle: it was here five times")
  package static let headerTooLarge = Reply(552, EnhancedStatus(5, 3, 4), "Header too big, limit 1 MiB")

  /// `octets` is what the client announced, if it did.
  static func tooBig(_ octets: UInt64? = nil, limit: UInt64) -> Reply {
    var (announced, most) = (octets.map(size), size(limit))
    // Somebody would ask what is wrong with that.
    if announced == most { (announced, most) = (octets.map { "\($0) octets" }, "\(limit)") }
    return Reply(552, EnhancedStatus(5, 3, 4), "Too big\(announced.map { ": \($0)" } ?? ""), limit \(most)")
  }

  /// Rounded up, so that what is too big does not look as if it would fit.
  private static func size(_ octets: UInt64) -> String {
    let (unit, name): (UInt64, String) = octets < 1 << 20 ? (1 << 10, "KB") : (1 << 20, "MB")
    return "\(octets / unit + (octets % unit == 0 ? 0 : 1)) \(name)"
  }

  /// Ours about what upstreams announced last; theirs would say the same later (RFC 6531 section 3.5).
  static let senderNeedsUTF8 = Reply(
    550, EnhancedStatus(5, 6, 7), "Sender is not ASCII, and no upstream for it offers SMTPUTF8")
  static let recipientNeedsUTF8 = Reply(
    553, EnhancedStatus(5, 6, 7), "Recipient is not ASCII, and no upstream for it offers SMTPUTF8")

  /// Whether an upstream that takes more might have helped.
  package var isInfeasible: Bool { status == EnhancedStatus(5, 3, 4) || status == EnhancedStatus(5, 6, 7) }

  // MARK: TLS and login

  static let tlsFirst = Reply(530, EnhancedStatus(5, 7, 0), "Must issue a STARTTLS command first (or port 465 SSL)")
  static let clearTextOnly = Reply(530, EnhancedStatus(5, 7, 0), "This port is only for clients that the admin named")
  static let tlsForLogin = Reply(538, EnhancedStatus(5, 7, 11), "Turn on TLS first: port 465 SSL or STARTTLS on 587")
  static let tlsTwice = Reply(503, EnhancedStatus(5, 5, 1), "TLS is already on")
  static let tlsNotOffered = Reply(502, EnhancedStatus(5, 5, 1), "STARTTLS is not offered here")
  static let loginTwice = Reply(503, EnhancedStatus(5, 5, 1), "Already logged in")
  static let mechanismUnknown = Reply(
    504, EnhancedStatus(5, 5, 4), "Mechanism is not offered; use PLAIN, LOGIN or SCRAM-SHA-256")
  static let bindingMismatch = Reply(
    535, EnhancedStatus(5, 7, 8), "Login is not bound to this TLS connection as we offer it; is somebody in between?")
  static func bindingUnknown(_ name: PeerText) -> Reply {
    Reply(
      535, EnhancedStatus(5, 7, 8), "No channel binding \(name) here; tls-exporter and tls-server-end-point are known")
  }
  static let notBase64 = Reply(501, EnhancedStatus(5, 5, 2), "That is not base64")
  static let loginCancelled = Reply(501, EnhancedStatus(5, 7, 0), "Login cancelled")
  static let loginMalformed = Reply(501, EnhancedStatus(5, 5, 2), "That is no login of this mechanism")
  static let loginAccepted = Reply(235, EnhancedStatus(2, 7, 0), "Login accepted")
  /// The same for a user that there is not. `client` is the admin's name for who hears it, never what that typed.
  package static func loginRejected(_ client: String? = nil) -> Reply {
    Reply(535, EnhancedStatus(5, 7, 8), "Wrong user or password" + (client.map { " (\($0))" } ?? ""))
  }
  static let certificateMissing = Reply(
    535, EnhancedStatus(5, 7, 8), "No client certificate was shown here; log in by user and password")
  static let certificateRefused = Reply(
    535, EnhancedStatus(5, 7, 8), "Client certificate is not accepted; the gateway's log says why")
  static let certificateOfAnother = Reply(
    535, EnhancedStatus(5, 7, 8), "Client certificate is not that user's; leave the user empty")
  static let loginThrottled = Reply(454, EnhancedStatus(4, 7, 0), "Too many failed logins, try again later")
  static let loginUnavailable = Reply(454, EnhancedStatus(4, 7, 0), "Logins cannot be checked at the moment, try again")

  static func loginNeeded(_ hostname: String) -> Reply {
    Reply(530, EnhancedStatus(5, 7, 0), "Login needed: user+password from `postern users` (\(hostname))")
  }

  // MARK: storage, and the end of a connection

  package static let diskFull = Reply(452, EnhancedStatus(4, 3, 1), "Gateway disk full, try later (admin was told)")
  package static let queueFull = Reply(452, EnhancedStatus(4, 3, 1), "Gateway queue full, try later (admin was told)")
  static let noRoom = Reply(452, EnhancedStatus(4, 3, 1), "No room for a message of that size, try later")
  static let tooManyMessagesAtOnce = Reply(
    452, EnhancedStatus(4, 3, 1), "Too many messages are arriving, try again in a moment")
  package static let diskRefused = Reply(451, EnhancedStatus(4, 3, 0), "Gateway could not store the message, try again")
  static let tooManyLoginFailures = Reply(421, EnhancedStatus(4, 7, 0), "Too many failed logins")
  static let tooManyIdleCommands = Reply(421, EnhancedStatus(4, 7, 0), "Too many commands without mail")
  static let lineFarTooLong = Reply(421, EnhancedStatus(4, 7, 0), "Line far too long")
  package static let timeout = Reply(421, EnhancedStatus(4, 4, 2), "Too slow, closing")
  package static let restarting = Reply(421, EnhancedStatus(4, 3, 2), "Restarting, try again in a moment")
  package static let paused = Reply(421, EnhancedStatus(4, 3, 2), "Mail is paused by the admin, try again later")
  package static let misconfigured = Reply(
    421, EnhancedStatus(4, 3, 5), "Gateway is misconfigured, the admin was told")
  package static let tooManySessions = Reply(
    421, EnhancedStatus(4, 3, 2), "Too many connections, try again in a moment")
  package static let tooManySessionsOfClient = Reply(
    421, EnhancedStatus(4, 7, 0), "Too many connections from this address")

  static let tooManySessionsOfLogin = Reply(421, EnhancedStatus(4, 7, 0), "Too many connections with this login")

  static func queued(_ id: String) -> Reply { Reply(250, EnhancedStatus(2, 0, 0), "OK queued as \(id)") }
}
