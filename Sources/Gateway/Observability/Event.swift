// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Logging
import Queue
import SMTP

/// Everything that the gateway tells the admin, one case an event, one line a case.
///
/// The texts hold no secret: passwords are unprintable by type, and what peers said comes in `PeerText`.
package enum Event: Sendable {
  case started(listeners: [String], upstream: String, waiting: Int)
  case stopping(sessions: Int)
  case configurationLoaded(path: String, changed: [String])
  case configurationRejected(String)
  case recovered(messages: Int, segments: Int, milliseconds: Int64)
  case spoolDamaged(String)
  /// nil: nothing could be said to the client.
  case storageRefused(client: String, reply: Reply?)
  case certificateExpires(path: String, inDays: Int64)

  case accepted(MessageID, Envelope, Origin, octets: Int)
  case rejected(client: String, reply: Reply)
  case clientLeft(client: String, octets: Int)
  case loginFailed(client: String, user: PeerText, mechanism: SASLMechanism)
  case loginThrottled(client: String, user: PeerText)
  case clientTLSFailed(client: String, reason: String)
  case sessionsExceeded(client: String, listener: String)

  case sent(MessageID, to: Address, upstream: String, reply: Reply, delayMilliseconds: Int64)
  case deferred(MessageID, to: Address, upstream: String, reply: Reply, delayMilliseconds: Int64)
  case failed(MessageID, to: Address, upstream: String, reply: Reply, delayMilliseconds: Int64)
  case contentUnreadable(MessageID, String)
  case upstreamPaused(String, UpstreamTrouble, seconds: Int64, waiting: Int)
  case upstreamRecovered(String, pausedSeconds: Int64, waiting: Int)

  case adminAction(uid: UInt32, pid: Int32, command: String, result: String)

  package var level: Logger.Level {
    switch self {
    case .spoolDamaged, .storageRefused: .critical
    case .configurationRejected, .contentUnreadable: .error
    case .upstreamPaused(_, let trouble, _, _): trouble.kind == .login || trouble.kind == .tls ? .error : .warning
    case .failed, .sessionsExceeded, .loginThrottled, .certificateExpires: .warning
    case .started, .stopping, .configurationLoaded, .recovered, .upstreamRecovered, .loginFailed, .clientTLSFailed,
      .adminAction:
      .notice
    case .accepted, .rejected, .clientLeft, .sent, .deferred: .info
    }
  }

  package var message: String {
    switch self {
    case .started(let listeners, let upstream, let waiting):
      "ready: listening on \(listeners.joined(separator: ", ")); upstream \(upstream); \(waiting) waiting"
    case .stopping(let sessions):
      "stopping: draining \(sessions) sessions"
    case .configurationLoaded(let path, let changed):
      "configuration loaded from \(path)" + (changed.isEmpty ? "" : ": \(changed.joined(separator: ", ")) changed")
    case .configurationRejected(let reason):
      "configuration refused, nothing changed: \(reason)"
    case .recovered(let messages, let segments, let milliseconds):
      "queue recovered: \(messages) messages from \(segments) segments in \(milliseconds) ms"
    case .spoolDamaged(let what):
      "spool damaged: \(what)"
    case .storageRefused(let client, let reply):
      "the disk did not take a message of \(client): "
        + (reply.map { "answered \($0)" } ?? "closed without a reply, because nothing can be known of it")
    case .certificateExpires(let path, let days):
      days < 0
        ? "certificate \(path) has expired \(-days) days ago" : "certificate \(path) expires in \(days) days"
    case .accepted(let id, let envelope, let origin, let octets):
      "\(id): accepted: client=\(origin.client ?? "unknown")[\(origin.address)], user=\(origin.login ?? "-"), "
        + "listener=\(origin.listener), from=<\(envelope.sender?.text ?? "")>, size=\(octets), "
        + "nrcpt=\(envelope.recipients.count)"
    case .rejected(let client, let reply):
      "rejected: client=\(client): \(reply)"
    case .clientLeft(let client, let octets):
      "\(client) left in the middle of a message, after \(octets) octets or more; nothing was accepted"
    case .loginFailed(let client, let user, let mechanism):
      "\(client): SASL \(mechanism.rawValue) authentication failed, sasl_username=\(user)"
    case .loginThrottled(let client, let user):
      "\(client): too many failed logins, not checked, sasl_username=\(user)"
    case .clientTLSFailed(let client, let reason):
      "TLS with \(client) failed: \(reason)"
    case .sessionsExceeded(let client, let listener):
      "too many sessions on \(listener), refused \(client)"
    case .sent(let id, let to, let upstream, let reply, let delay):
      Self.outcome(id, to, upstream, reply, delay, "sent", EnhancedStatus(2, 0, 0))
    case .deferred(let id, let to, let upstream, let reply, let delay):
      Self.outcome(id, to, upstream, reply, delay, "deferred", EnhancedStatus(4, 0, 0))
    case .failed(let id, let to, let upstream, let reply, let delay):
      Self.outcome(id, to, upstream, reply, delay, "failed", EnhancedStatus(5, 0, 0))
    case .contentUnreadable(let id, let reason):
      "\(id): content cannot be read, not sent: \(reason)"
    case .upstreamPaused(let upstream, let trouble, let seconds, let waiting):
      "upstream \(upstream) paused for \(seconds) s (\(trouble.kind.rawValue)): \(trouble); "
        + "\(waiting) waiting, none bounced"
    case .upstreamRecovered(let upstream, let seconds, let waiting):
      "upstream \(upstream) works again after \(seconds) s; \(waiting) released"
    case .adminAction(let uid, let pid, let command, let result):
      "admin: uid=\(uid) pid=\(pid) ran \(command): \(result)"
    }
  }

  /// The shape that Postfix gave these lines, which admins and tools read.
  private static func outcome(
    _ id: MessageID, _ to: Address, _ upstream: String, _ reply: Reply, _ delay: Int64, _ status: String,
    _ fallback: EnhancedStatus
  ) -> String {
    "\(id): to=<\(to)>, relay=\(upstream), delay=\(delay / 1000).\(String(delay % 1000 / 10 + 100).dropFirst()), "
      + "dsn=\(reply.status ?? fallback), status=\(status) (\(reply))"
  }
}
