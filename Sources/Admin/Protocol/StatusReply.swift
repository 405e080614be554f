// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The gateway on one screen. The daemon fills it; `status` shows it.
package struct StatusReply: Sendable, Equatable, Codable {
  package enum Health: String, Sendable, Codable {
    case ok
    case degraded
  }

  package struct Config: Sendable, Equatable, Codable {
    package var path: String
    package var loaded: Timestamp
    /// Counts successful loads since the start, 1 first.
    package var generation: Int

    package init(path: String, loaded: Timestamp, generation: Int) {
      self.path = path
      self.loaded = loaded
      self.generation = generation
    }
  }

  /// Messages by state, and their content in octets.
  package struct Queue: Sendable, Equatable, Codable {
    package var total: Int
    package var queued: Int
    package var sending: Int
    package var deferred: Int
    package var held: Int
    package var failed: Int
    package var quarantined: Int
    /// Out of the queue, and not in its total; nil from an older daemon.
    package var dropped: Int?
    package var bytes: Int
    package var oldestSeconds: Int?

    package init(
      queued: Int, sending: Int, deferred: Int, held: Int, failed: Int, quarantined: Int, bytes: Int,
      oldestSeconds: Int?, dropped: Int? = nil
    ) {
      total = queued + sending + deferred + held + failed + quarantined
      self.queued = queued
      self.sending = sending
      self.deferred = deferred
      self.held = held
      self.failed = failed
      self.quarantined = quarantined
      self.dropped = dropped
      self.bytes = bytes
      self.oldestSeconds = oldestSeconds
    }

    private enum CodingKeys: String, CodingKey {
      case total, queued, sending, deferred, held, failed, quarantined, dropped, bytes
      case oldestSeconds = "oldest_s"
    }
  }

  package struct Upstream: Sendable, Equatable, Codable {
    package var name: String
    /// `host:port`, or the directory of a capture upstream.
    package var endpoint: String
    /// ok, slow, paused, unreachable, standby.
    package var state: String
    /// Of a pause: login, quota, admin, tls.
    package var reason: String?
    /// What the relayhost said, or what was seen instead of an answer.
    package var reply: String?
    package var since: Timestamp?
    package var nextProbe: Timestamp?
    /// nil: it has none.
    package var quota: Quota?
    /// What to type about a login that is refused.
    package var mend: String?

    package init(
      name: String, endpoint: String, state: String, reason: String? = nil, reply: String? = nil,
      since: Timestamp? = nil, nextProbe: Timestamp? = nil
    ) {
      self.name = name
      self.endpoint = endpoint
      self.state = state
      self.reason = reason
      self.reply = reply
      self.since = since
      self.nextProbe = nextProbe
    }

    private enum CodingKeys: String, CodingKey {
      case name, endpoint, state, reason, reply, since, quota, mend
      case nextProbe = "next_probe"
    }
  }

  /// How much an upstream has had of late.
  package struct Quota: Sendable, Equatable, Codable {
    package var used: Int
    package var limit: Int
    /// messages, recipients
    package var unit: String
    package var seconds: Int
    /// When there is room again; nil: there is.
    package var resumes: Timestamp?
    /// When less than 80 % are used if nothing more is sent; nil: so it is.
    package var eases: Timestamp?

    package init(
      used: Int, limit: Int, unit: String, seconds: Int, resumes: Timestamp? = nil, eases: Timestamp? = nil
    ) {
      self.used = used
      self.limit = limit
      self.unit = unit
      self.seconds = seconds
      self.resumes = resumes
      self.eases = eases
    }

    private enum CodingKeys: String, CodingKey {
      case used, limit, unit, resumes, eases
      case seconds = "window_s"
    }
  }

  package struct Listener: Sendable, Equatable, Codable {
    package var name: String
    package var port: Int

    package init(name: String, port: Int) {
      self.name = name
      self.port = port
    }
  }

  package struct Incoming: Sendable, Equatable, Codable {
    package var sessions: Int
    package var listeners: [Listener]
    /// The largest message that is taken, where that is less than `max_size`.
    package var sizeLimit: SizeLimit?
    /// Logins that were tried without TLS since the start; nil from an older daemon.
    package var clearLogins: Int?

    package init(sessions: Int, listeners: [Listener], sizeLimit: SizeLimit? = nil, clearLogins: Int? = nil) {
      self.sessions = sessions
      self.listeners = listeners
      self.sizeLimit = sizeLimit
      self.clearLogins = clearLogins
    }

    private enum CodingKeys: String, CodingKey {
      case sessions, listeners
      case sizeLimit = "size_limit"
      case clearLogins = "cleartext_auth_attempts"
    }
  }

  /// Because of what upstreams announce.
  package struct SizeLimit: Sendable, Equatable, Codable {
    package var bytes: Int
    /// Whose it is.
    package var upstream: String

    package init(bytes: Int, upstream: String) {
      self.bytes = bytes
      self.upstream = upstream
    }
  }

  /// A client that has made use of exceptions of its `[[client]]`.
  package struct WeakClient: Sendable, Equatable, Codable {
    package var name: String
    package var address: String
    package var exceptions: [String]
    package var lastSeen: Timestamp

    package init(name: String, address: String, exceptions: [String], lastSeen: Timestamp) {
      self.name = name
      self.address = address
      self.exceptions = exceptions
      self.lastSeen = lastSeen
    }

    private enum CodingKeys: String, CodingKey {
      case name, address, exceptions
      case lastSeen = "last_seen"
    }
  }

  /// Exceptions of a `[[client]]` that nobody has needed since the start.
  package struct UnusedExceptions: Sendable, Equatable, Codable {
    package var name: String
    package var exceptions: [String]

    package init(name: String, exceptions: [String]) {
      self.name = name
      self.exceptions = exceptions
    }
  }

  package struct Spool: Sendable, Equatable, Codable {
    /// What the file system still gives us.
    package var freeBytes: Int
    /// Below this mail is refused.
    package var minFreeBytes: Int
    /// ok; low: mail is refused with 452; failing: with 451.
    package var state: String
    /// Why it is not ok.
    package var reason: String?

    package init(freeBytes: Int, minFreeBytes: Int = 0, state: String = "ok", reason: String? = nil) {
      self.freeBytes = freeBytes
      self.minFreeBytes = minFreeBytes
      self.state = state
      self.reason = reason
    }

    private enum CodingKeys: String, CodingKey {
      case state, reason
      case freeBytes = "free_bytes"
      case minFreeBytes = "min_free_bytes"
    }
  }

  /// Something that works and should not stay as it is.
  package struct Warning: Sendable, Equatable, Codable {
    /// Stable name for programs, as `client.plaintext`.
    package var code: String
    package var message: String
    package var client: String?

    package init(code: String, message: String, client: String? = nil) {
      self.code = code
      self.message = message
      self.client = client
    }
  }

  package var health: Health
  package var version: String
  package var host: String
  package var uptimeSeconds: Int
  package var config: Config
  package var queue: Queue
  package var upstreams: [Upstream]
  package var incoming: Incoming
  package var spool: Spool
  /// What somebody has stopped by hand.
  package var pauses: [Pause]
  package var warnings: [Warning]
  /// Those seen last; nil from an older daemon.
  package var weakClients: [WeakClient]?
  package var unusedExceptions: [UnusedExceptions]?

  package init(
    health: Health, version: String, host: String, uptimeSeconds: Int, config: Config, queue: Queue,
    upstreams: [Upstream], incoming: Incoming, spool: Spool, pauses: [Pause] = [], warnings: [Warning]
  ) {
    self.health = health
    self.version = version
    self.host = host
    self.uptimeSeconds = uptimeSeconds
    self.config = config
    self.queue = queue
    self.upstreams = upstreams
    self.incoming = incoming
    self.spool = spool
    self.pauses = pauses
    self.warnings = warnings
  }

  private enum CodingKeys: String, CodingKey {
    case health, version, host, config, queue, upstreams, spool, pauses, warnings
    case weakClients = "weak_clients"
    case unusedExceptions = "unused_exceptions"
    case incoming = "in"
    case uptimeSeconds = "uptime_s"
  }
}
