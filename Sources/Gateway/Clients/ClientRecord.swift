// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue
import SMTP
import TLS

/// What is known of one client address since the start: when it was here, as whom, and what it heard. `SessionWitness`
/// and `Doorkeeper` write it through the `ClientBook`; the console reads copies. Of bounded size: texts are those of
/// `PeerText`. Times are wall milliseconds.
package struct ClientRecord: Sendable, Equatable {
  package let address: IPAddress
  package private(set) var firstSeen: Int64
  package private(set) var lastSeen: Int64
  package private(set) var connections = 0
  /// Of the last connection.
  package private(set) var listener = ""
  package private(set) var tls: String?
  /// Of the last login.
  package private(set) var mechanism: SASLMechanism?
  package private(set) var user: String?

  package private(set) var accepted = 0
  private var hour = HourCount()
  package private(set) var lastAccepted: Int64?
  /// Exceptions that it needed, not only has.
  package private(set) var used: ClientExceptions = []

  package private(set) var refusals = 0
  /// What the client heard that says most about why it cannot get in.
  package private(set) var lastRefusal: Heard?
  package private(set) var failedLogins = 0
  /// Logins that were tried without TLS.
  package private(set) var clearLogins = 0
  package private(set) var failedHandshakes = 0
  package private(set) var lastHandshake: Handshake?

  package struct Heard: Sendable, Equatable {
    package var refusal: Refusal
    package var wall: Int64
  }

  package struct Handshake: Sendable, Equatable {
    /// nil: nothing that we could name.
    package var fault: HandshakeFault?
    package var reason: PeerText
    package var wall: Int64
  }

  package init(address: IPAddress, now: Instant) {
    self.address = address
    firstSeen = now.wall
    lastSeen = now.wall
  }

  /// Has shown by a login or a message that it belongs here.
  package var isProven: Bool { accepted > 0 || user != nil }

  package func acceptedInHour(_ now: Instant) -> Int { hour.total(at: now.monotonic) }

  // MARK: What happens

  mutating func connected(to listener: String, _ now: Instant) {
    lastSeen = now.wall
    connections += 1
    self.listener = listener
    tls = nil
  }

  mutating func left(_ now: Instant) {
    lastSeen = now.wall
  }

  mutating func shookHands(_ version: String, used exceptions: ClientExceptions, _ now: Instant) {
    lastSeen = now.wall
    tls = version
    used.formUnion(exceptions)
  }

  mutating func handshakeFailed(_ fault: HandshakeFault?, _ reason: PeerText, _ now: Instant) {
    lastSeen = now.wall
    failedHandshakes += 1
    lastHandshake = Handshake(fault: fault, reason: reason, wall: now.wall)
  }

  mutating func loggedIn(as user: String, by mechanism: SASLMechanism, _ now: Instant) {
    lastSeen = now.wall
    self.user = user
    self.mechanism = mechanism
  }

  mutating func loginFailed() {
    failedLogins += 1
  }

  mutating func used(_ exceptions: ClientExceptions) {
    used.formUnion(exceptions)
  }

  mutating func accepted(used exceptions: ClientExceptions, _ now: Instant) {
    lastSeen = now.wall
    lastAccepted = now.wall
    accepted += 1
    hour.add(at: now.monotonic)
    used.formUnion(exceptions)
  }

  /// `isTelling`: nothing said in this session says more.
  mutating func refused(_ refusal: Refusal, isTelling: Bool, _ now: Instant) {
    lastSeen = now.wall
    refusals += 1
    if refusal.clearLogin != nil { clearLogins += 1 }
    guard isTelling else { return }
    // Without the name of a login in clear, which may be a password in the wrong field.
    lastRefusal = Heard(refusal: Refusal(command: refusal.command, reply: refusal.reply), wall: now.wall)
  }
}

extension ClientRecord {
  /// How it went last.
  package enum Condition: Sendable, Equatable {
    /// It hands in mail.
    case works
    case refused(Heard)
    case handshakeFailed(Handshake)
    /// It came, and nothing was refused or handed in.
    case silent
  }

  /// What came after the last message counts, unless it is only the usual end of a session.
  package var condition: Condition {
    let since = lastAccepted ?? .min
    let refusal = lastRefusal.flatMap { heard -> Heard? in
      let isUsual = lastAccepted != nil && [.tooSlow, .restarting].contains(heard.refusal.cause)
      return heard.wall >= since && !isUsual ? heard : nil
    }
    let handshake = lastHandshake.flatMap { $0.wall >= since ? $0 : nil }
    return switch (refusal, handshake) {
    case (let refusal?, let handshake?) where handshake.wall > refusal.wall: .handshakeFailed(handshake)
    case (let refusal?, _): .refused(refusal)
    case (nil, let handshake?): .handshakeFailed(handshake)
    case (nil, nil): lastAccepted == nil ? .silent : .works
    }
  }
}
