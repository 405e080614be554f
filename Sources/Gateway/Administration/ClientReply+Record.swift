// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import Queue
import SMTP

extension ClientReply {
  /// `client` is the `[[client]]` that applies to the address now.
  init(_ record: ClientRecord, _ client: Configuration.Client?, sessions: Int, rateUsed: Int?, now: Instant) {
    self.init(
      address: record.address.description, state: State(record.condition),
      firstSeen: Timestamp(milliseconds: record.firstSeen), lastSeen: Timestamp(milliseconds: record.lastSeen),
      listener: record.listener)
    name = client?.name
    self.sessions = sessions
    connections = record.connections
    acceptedInHour = record.acceptedInHour(now)
    accepted = record.accepted
    lastAccepted = record.lastAccepted.map(Timestamp.init(milliseconds:))
    if let rate = client?.rate, let rateUsed { self.rate = Rate(limit: rate.text, used: rateUsed) }
    tls = record.tls
    mechanism = record.mechanism?.rawValue
    user = record.user
    let exceptions = ClientExceptions(client?.allow ?? [])
    allowed = exceptions.list.map(\.rawValue)
    used = exceptions.intersection(record.used).list.map(\.rawValue)
    refused = record.refusals
    lastRefusal = record.lastRefusal.map(Refusal.init)
    failedLogins = record.failedLogins
    clearLogins = record.clearLogins
    failedHandshakes = record.failedHandshakes
    lastHandshake = record.lastHandshake.map {
      Handshake(time: Timestamp(milliseconds: $0.wall), reason: $0.reason.text)
    }
  }
}

extension ClientReply.Refusal {
  fileprivate init(_ heard: ClientRecord.Heard) {
    let reply = heard.refusal.reply
    self.init(
      time: Timestamp(milliseconds: heard.wall), command: heard.refusal.command, code: reply.code,
      status: reply.status?.description, text: reply.description)
  }
}

extension ClientReply.State {
  init(_ condition: ClientRecord.Condition) {
    self =
      switch condition {
      case .works: .ok
      case .refused: .refused
      case .handshakeFailed: .noTLS
      case .silent: .silent
      }
  }
}
