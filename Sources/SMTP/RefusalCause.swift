// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What stands behind a refusal, as far as that decides what helps. `why` asks for it, about a client that cannot get in.
package enum RefusalCause: Sendable, Hashable, CaseIterable {
  /// It has to log in first.
  case noLogin
  /// It has to turn on TLS first, to hand in mail.
  case noTLS
  /// The port has no TLS, and its `[[client]]`, if any, does not allow it to go without.
  case portForNamed
  /// It asked for TLS on such a port.
  case noTLSHere
  /// The same as `noTLS`, to log in.
  case clearLogin
  case wrongPassword
  /// Passwords were wrong so often that none is looked at for a while.
  case tooManyGuesses
  /// The gateway could not look at its password.
  case loginsUnavailable
  case mechanism
  /// The one that it showed.
  case certificate
  case bareLineEnd
  /// Of EHLO.
  case hostName
  case sender
  case recipient
  case rate
  /// `[access] deny`
  case denied
  case messageSize
  case recipientCount
  /// No upstream that it could go to would.
  case notTakenFurther
  /// No room on the disk or in the queue.
  case room
  case disk
  /// More messages were on their way in than are taken at once.
  case crowded
  case sessions
  case sessionsOfClient
  case tooSlow
  /// By the admin.
  case paused
  case restarting
  /// It speaks TLS where it has to ask for it first.
  case tlsTooEarly
  case foreignProtocol
  /// The message goes in a circle.
  case loop
  /// Anything else in its words or its message that is not as the standards have it.
  case dialogue
}

extension Refusal {
  package var cause: RefusalCause {
    if let cause = Self.causes[reply] { return cause }
    // What is said of a name in EHLO and of a parameter is the same reply.
    if reply.code == 501, command == "EHLO" || command == "HELO" { return .hostName }
    return Self.beginnings.first { $0.code == reply.code && reply.text.text.hasPrefix($0.text) }?.cause ?? .dialogue
  }

  private static let causes: [Reply: RefusalCause] = [
    .tlsFirst: .noTLS, .clearTextOnly: .portForNamed, .tlsNotOffered: .noTLSHere, .tlsForLogin: .clearLogin,
    .loginThrottled: .tooManyGuesses, .tooManyLoginFailures: .tooManyGuesses, .mechanismUnknown: .mechanism,
    .bindingMismatch: .mechanism, .certificateMissing: .certificate, .certificateRefused: .certificate,
    .certificateOfAnother: .certificate, .senderNeedsUTF8: .notTakenFurther, .recipientNeedsUTF8: .notTakenFurther,
    .loginUnavailable: .loginsUnavailable, .tooManyMessagesAtOnce: .crowded,
    .tooManySessionsOfLogin: .sessionsOfClient, .bareLineEnd: .bareLineEnd, .denied: .denied,
    .tooManyRecipients: .recipientCount, .diskFull: .room, .queueFull: .room, .noRoom: .room, .diskRefused: .disk,
    .tooManySessions: .sessions, .tooManySessionsOfClient: .sessionsOfClient, .timeout: .tooSlow, .paused: .paused,
    .restarting: .restarting, .loop: .loop, .ownLoop: .loop, .tlsTooEarly(isOffered: true): .tlsTooEarly,
    .tlsTooEarly(isOffered: false): .tlsTooEarly,
  ]

  /// Of replies with something of the moment in them.
  private static let beginnings: [(code: Int, text: String, cause: RefusalCause)] = [
    (530, "Login needed:", .noLogin), (535, "Wrong user or password", .wrongPassword),
    (535, "No channel binding ", .mechanism), (550, "Sender ", .sender),
    (550, "From ", .sender), (550, "Recipient ", .recipient),
    (450, "Too many messages from this device", .rate), (552, "Too big", .messageSize),
    (500, "This is SMTP, not ", .foreignProtocol),
  ]
}
