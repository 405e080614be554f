// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue
import SMTP
import TLS

/// Tells what happens in one session, to the log and to the table of clients, both in the words that the client hears.
/// Belongs to one `SubmissionHandler`, and changes nothing that the client would notice.
struct SessionWitness: ~Copyable {
  let client: EventClient
  private let address: IPAddress
  private let exceptions: ClientExceptions
  private let settings: Settings
  private let logins: LoginChecker
  private let clock: Clock
  private let log: EventLog
  private let clients: ClientBook
  private(set) var mechanism: SASLMechanism?
  /// How much the most telling refusal of the session says.
  private var weight = 0

  init(_ submission: SubmissionContext, _ client: Configuration.Client?) {
    self.client = EventClient(
      name: client?.name, address: submission.address.description, listener: submission.listener.name)
    exceptions = ClientExceptions(client?.allow ?? [])
    address = submission.address
    settings = submission.settings
    logins = submission.logins
    clock = submission.clock
    log = submission.log
    clients = submission.clients
  }

  private func note(_ body: (inout ClientRecord, Instant) -> Void) {
    let now = clock.now()
    clients.note(address, now, isExpected: { settings.expects(address) }) { body(&$0, now) }
  }

  // MARK: The connection

  func opened() {
    note { $0.connected(to: client.listener, $1) }
  }

  func closed(_ rights: UsedRights) {
    let used = used(rights)
    note { record, now in
      record.used(used)
      record.left(now)
    }
  }

  func left(inContentAfter octets: Int) {
    log.report(.clientLeft(client, octets: octets))
  }

  // MARK: TLS

  func shookHands(_ facts: TLSFacts) {
    let least = TLSVersion(rawValue: settings.configuration.tls.minimum.rawValue) ?? .v12
    let isOld = exceptions.contains(.tls10) && least.isAbove(facts.version)
    note { $0.shookHands(facts.version, used: isOld ? .tls10 : [], $1) }
  }

  func handshakeFailed(_ error: TLSError, isBehindGreeting: Bool) {
    var fault: HandshakeFault?
    var reason = error.description
    if case .clientFailed(let found, let words) = error { (fault, reason) = (found, words) }
    // It has had the greeting that a silent client waits for.
    if isBehindGreeting, fault == .silence { fault = nil }
    log.report(.clientTLSFailed(client, reason: error.description))
    note { $0.handshakeFailed(fault, PeerText(reason), $1) }
  }

  /// Behind the handshake.
  func tlsFailed(_ error: TLSError) {
    log.report(.clientTLSFailed(client, reason: error.description))
  }

  /// The session goes on without it.
  func certificateRefused(_ fault: PeerText) {
    log.report(.clientCertificateRefused(client, reason: fault))
  }

  // MARK: Logins

  mutating func loggedIn(_ attempt: LoginAttempt) {
    mechanism = attempt.mechanism
    note { $0.loggedIn(as: attempt.name, by: attempt.mechanism, $1) }
  }

  mutating func loginFailed(_ user: String, _ mechanism: SASLMechanism, _ refusal: Refusal) {
    log.report(.loginFailed(client, user: known(user), mechanism: mechanism, refusal.reply))
    note { record, _ in record.loginFailed() }
    heard(refusal)
  }

  mutating func loginThrottled(_ user: String, _ mechanism: SASLMechanism, _ refusal: Refusal) {
    log.report(.loginThrottled(client, user: known(user), mechanism: mechanism, refusal.reply))
    heard(refusal)
  }

  /// The login was right, and has too many sessions.
  mutating func crowded(_ refusal: Refusal) {
    log.report(.sessionsExceeded(client, refusal.reply))
    heard(refusal)
  }

  /// A name that nobody has may be a password in the wrong field: it is not told.
  private func known(_ name: String) -> String? {
    logins.isKnown(name) ? name : nil
  }

  // MARK: Refusals

  mutating func refused(_ refusals: [Refusal]) {
    for refusal in refusals {
      if let login = refusal.clearLogin {
        let user = login.name.flatMap { known($0) }
        log.report(
          .loginInClear(
            client, user: user, mechanism: login.mechanism, isPasswordSent: user != nil && login.isPasswordSent,
            refusal.reply))
        clients.countClearLogin()
      } else {
        log.report(.rejected(client, refusal), at: .info)
      }
      heard(refusal)
    }
  }

  private mutating func heard(_ refusal: Refusal) {
    let cause = refusal.cause
    let isTelling = cause.weight >= weight
    weight = max(weight, cause.weight)
    note { $0.refused(refusal, isTelling: isTelling, $1) }
  }

  // MARK: Messages

  func accepted(_ message: AcceptedMessage, _ rights: UsedRights) {
    log.report(.accepted(message), at: .info)
    log.report(
      .queued(
        message.id, sender: message.envelope.sender, octets: message.octets,
        recipients: message.envelope.recipients.count), at: .info)
    let used = used(rights)
    note { $0.accepted(used: used, $1) }
  }

  /// nil: nothing could be said to the client.
  mutating func storageRefused(_ reply: Reply?) {
    log.report(.storageRefused(client, reply))
    if let reply { heard(Refusal(command: "END-OF-MESSAGE", reply: reply)) }
  }

  /// What the client needed of its own exceptions. Where it is may let it omit the login besides.
  private func used(_ rights: UsedRights) -> ClientExceptions {
    var used: ClientExceptions = []
    if rights.contains(.omittedLogin), !settings.trusts(address) { used.insert(.noAuth) }
    if rights.contains(.omittedTLS) { used.insert(.plaintext) }
    if rights.contains(.endedLinesInLF) { used.insert(.bareLF) }
    if rights.contains(.gaveAnyName) { used.insert(.anyHelo) }
    return used.intersection(exceptions)
  }
}

extension RefusalCause {
  /// Who is refused at MAIL hears more refusals behind it; and who could not log in hears that a login is needed.
  fileprivate var weight: Int {
    switch self {
    case .dialogue, .noTLSHere, .tooSlow, .restarting: 0
    case .noLogin, .sessions, .sessionsOfClient: 1
    default: 2
    }
  }
}

extension TLSVersion {
  /// Of a version in OpenSSL's spelling.
  fileprivate func isAbove(_ version: String) -> Bool {
    switch self {
    case .v10: false
    case .v12: ["TLSv1", "TLSv1.1"].contains(version)
    case .v13: version != "TLSv1.3"
    }
  }
}
