// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import Systemd

/// The names of all facts that events have: `POSTERN_…` in the journal, in small letters in JSON. Stable, like the words
/// of the events.
package enum FieldName: String, Sendable, CaseIterable {
  case queueID = "QUEUE_ID"
  /// The notification about the message.
  case noticeID = "NOTICE_ID"
  case from = "FROM"
  /// What the client said, where the admin has given it a sender.
  case originalFrom = "ORIG_FROM"
  case to = "TO"
  case recipientCount = "NRCPT"
  case size = "SIZE"
  case headerMessageID = "MSGID"
  case clientAddress = "CLIENT_IP"
  case clientName = "CLIENT_NAME"
  case user = "USER"
  case authMethod = "AUTH_METHOD"
  case listener = "LISTENER"
  /// Version and cipher of the connection that the event is about.
  case tlsVersion = "TLS_VERSION"
  case tlsCipher = "TLS_CIPHER"

  case upstream = "UPSTREAM"
  case relayHost = "RELAY_HOST"
  case relayAddress = "RELAY_IP"
  case relayPort = "RELAY_PORT"
  case upstreamState = "UPSTREAM_STATE"
  case stateReason = "STATE_REASON"
  /// What the client had said when it was refused: a verb, or END-OF-MESSAGE.
  case refusedCommand = "SMTP_COMMAND"
  case smtpCode = "SMTP_CODE"
  case status = "STATUS"
  case enhancedStatus = "DSN"
  case reply = "REPLY"
  case stage = "STAGE"
  case waiting = "WAITING"
  case doubleBounce = "DOUBLE_BOUNCE"
  /// 1: the recipient may have it already.
  case duplicatePossible = "DUP_POSSIBLE"
  case attempt = "ATTEMPT"
  case nextAttempt = "NEXT_USEC"
  case delay = "DELAY_USEC"
  case queueDelay = "DELAY_QUEUE_USEC"
  case connectDelay = "DELAY_CONN_USEC"
  case sendDelay = "DELAY_SEND_USEC"
  /// How long an upstream is left alone, or was.
  case pause = "PAUSE_USEC"

  /// OWNER.KIND, never what is in it.
  case credential = "CREDENTIAL"
  /// Of a pause by hand: in, out, upstream.
  case side = "SIDE"
  /// When it ends by itself.
  case until = "UNTIL_USEC"
  /// For how long nothing has moved.
  case stalled = "STALLED_USEC"

  case actorUID = "ACTOR_UID"
  case actorUser = "ACTOR_USER"
  case actorPID = "ACTOR_PID"
  case command = "COMMAND"
  case result = "RESULT"
  /// Messages that a command meant, and those that it changed.
  case matched = "MATCHED"
  case changed = "CHANGED"
  /// Why, or what exactly: one line.
  case reason = "REASON"
  case file = "FILE"
  /// Where a queue was written before.
  case host = "HOST"
  case configFile = "CONFIG_FILE"
  case configGeneration = "CONFIG_GENERATION"
  case days = "DAYS"
  case segments = "SEGMENTS"
  case free = "FREE_BYTES"
  /// For how long something was not as it should be.
  case lasted = "LASTED_USEC"
  case sessions = "SESSIONS"
  /// Messages that are not remembered.
  case lost = "LOST"
}

/// The facts of one event while they are gathered. What is nil is left out.
package struct FieldList {
  package private(set) var fields: [LogField] = []

  package init() {
    fields.reserveCapacity(16)
  }

  package mutating func add(_ name: FieldName, _ text: String?) {
    if let text { fields.append(LogField(name: name.rawValue, value: .text(text))) }
  }

  package mutating func add(_ name: FieldName, _ number: Int64) {
    fields.append(LogField(name: name.rawValue, value: .number(number)))
  }

  package mutating func add(_ name: FieldName, _ number: Int) {
    add(name, Int64(number))
  }

  package mutating func add(_ name: FieldName, milliseconds: Int64) {
    add(name, milliseconds * 1000)
  }

  package mutating func add(_ client: EventClient) {
    add(.clientAddress, client.address)
    add(.clientName, client.name)
    add(.listener, client.listener)
  }

  /// Version and cipher, with a space between them.
  package mutating func add(tls: String?) {
    guard let parts = tls?.split(separator: " ", maxSplits: 1), parts.count == 2 else { return }
    add(.tlsVersion, String(parts[0]))
    add(.tlsCipher, String(parts[1]))
  }

  package mutating func add(_ reply: Reply) {
    add(.smtpCode, reply.code)
    add(.enhancedStatus, reply.status?.description)
    add(.reply, reply.text.text)
  }
}
