// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A row of `clients`: one address that was here since the start, with what it hands in and what it heard.
package struct ClientReply: Sendable, Equatable, Codable {
  /// How it went last.
  package enum State: String, Sendable, Codable {
    /// It hands in mail.
    case ok
    case refused
    /// TLS could not be agreed on.
    case noTLS = "no-tls"
    /// It came, and has handed in nothing.
    case silent
  }

  package struct Rate: Sendable, Equatable, Codable {
    /// As configured, `60/h`.
    package var limit: String
    package var used: Int

    package init(limit: String, used: Int) {
      self.limit = limit
      self.used = used
    }
  }

  /// A refusal, word for word as the client heard it.
  package struct Refusal: Sendable, Equatable, Codable {
    package var time: Timestamp
    package var command: String
    package var code: Int
    package var status: String?
    /// The whole line, code included.
    package var text: String

    package init(time: Timestamp, command: String, code: Int, status: String?, text: String) {
      self.time = time
      self.command = command
      self.code = code
      self.status = status
      self.text = text
    }
  }

  package struct Handshake: Sendable, Equatable, Codable {
    package var time: Timestamp
    package var reason: String

    package init(time: Timestamp, reason: String) {
      self.time = time
      self.reason = reason
    }
  }

  package var address: String
  /// Of the `[[client]]` that applies to it now; nil: none.
  package var name: String?
  package var state: State
  package var firstSeen: Timestamp
  package var lastSeen: Timestamp
  /// Of the last connection.
  package var listener: String
  package var sessions: Int
  package var connections: Int
  package var acceptedInHour: Int
  package var accepted: Int
  package var lastAccepted: Timestamp?
  /// nil: it has none.
  package var rate: Rate?
  /// Of the last connection; nil: none.
  package var tls: String?
  /// Of the last login; nil: it has never logged in.
  package var mechanism: String?
  package var user: String?
  /// What its `[[client]]` allows it, and what of that it has needed.
  package var allowed: [String]
  package var used: [String]
  package var refused: Int
  package var lastRefusal: Refusal?
  package var failedLogins: Int
  package var clearLogins: Int
  package var failedHandshakes: Int
  package var lastHandshake: Handshake?

  package init(address: String, state: State, firstSeen: Timestamp, lastSeen: Timestamp, listener: String) {
    self.address = address
    self.state = state
    self.firstSeen = firstSeen
    self.lastSeen = lastSeen
    self.listener = listener
    (sessions, connections, acceptedInHour, accepted) = (0, 0, 0, 0)
    (allowed, used, refused) = ([], [], 0)
    (failedLogins, clearLogins, failedHandshakes) = (0, 0, 0)
  }

  private enum CodingKeys: String, CodingKey {
    case address, name, state, listener, sessions, connections, accepted, rate, tls, mechanism, user, refused
    case firstSeen = "first_seen"
    case lastSeen = "last_seen"
    case acceptedInHour = "accepted_1h"
    case lastAccepted = "last_accepted"
    case allowed = "exceptions_allowed"
    case used = "exceptions_used"
    case lastRefusal = "last_refusal"
    case failedLogins = "failed_logins"
    case clearLogins = "cleartext_auth_attempts"
    case failedHandshakes = "failed_handshakes"
    case lastHandshake = "last_handshake"
  }
}
