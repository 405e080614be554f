// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Queue
import SMTP
import Systemd

/// The facts of an event, for the journal and JSON. No fact is a secret, and what peers said comes in `PeerText`.
extension Event: LogRecord {
  package var event: String { kind.rawValue }
  package var messageID: String { kind.messageID }
  package var identifier: String { kind.identifier }
  package var description: String { message }

  package var fields: [LogField] {
    var list = FieldList()
    describe(into: &list)
    return list.fields
  }

  private func describe(into list: inout FieldList) {
    switch self {
    case .started(_, let upstreams, let waiting):
      list.add(.upstream, upstreams.joined(separator: ", "))
      list.add(.waiting, waiting)
    case .startFailed(let reason):
      list.add(.reason, reason)
    case .stopping(let sessions):
      list.add(.sessions, sessions)
    case .configurationLoaded(let path, let generation, let changed):
      list.add(.configFile, path)
      list.add(.configGeneration, generation)
      list.add(.reason, changed.isEmpty ? nil : "\(changed.joined(separator: ", ")) changed")
    case .configurationRejected(let reason):
      list.add(.reason, reason)
    case .recovered(let messages, let segments, let milliseconds, let wasKilled):
      list.add(.waiting, messages)
      list.add(.segments, segments)
      list.add(.delay, milliseconds: milliseconds)
      if wasKilled { list.add(.duplicatePossible, 1) }
    case .spoolDamaged(let what):
      list.add(.reason, what)
    case .spoolMoved(let host):
      list.add(.host, host)
    case .spoolDoubtful(let directory, let reason):
      list.add(.file, directory)
      list.add(.reason, reason)
    case .mailRefused(let reason, let free):
      list.add(.reason, reason)
      if let free { list.add(.free, free) }
    case .mailTaken(let seconds), .logWorks(let seconds):
      list.add(.lasted, milliseconds: seconds * 1000)
    case .segmentGivenUp(let name, let reason, let count):
      list.add(.file, name)
      list.add(.reason, reason)
      list.add(.segments, count)
    case .logFailing(let reason):
      list.add(.reason, reason)
    case .storageRefused(let client, let reply):
      list.add(client)
      if let reply { list.add(reply) }
    case .certificateExpires(let path, let days):
      list.add(.file, path)
      list.add(.days, days)
    case .queueStalled(let upstream, let waiting, let seconds):
      list.add(.upstream, upstream)
      list.add(.waiting, waiting)
      list.add(.stalled, milliseconds: seconds * 1000)
    case .writerStalled(let seconds):
      list.add(.stalled, milliseconds: seconds * 1000)
    case .loopsStalled(let names, let seconds):
      list.add(.reason, names.joined(separator: ", "))
      list.add(.stalled, milliseconds: seconds * 1000)
    case .socketUnserved(let name, let reason):
      list.add(.listener, name)
      list.add(.reason, reason)
    case .filesLimited(_, let sessions, _):
      list.add(.sessions, sessions)
    case .controlSocketFailed(let problem):
      list.add(.reason, problem)
    case .socketUnmoved(let listener):
      list.add(.listener, listener)

    case .accepted(let message):
      Self.describe(message, into: &list)
    case .queued(let id, let sender, let octets, let recipients):
      list.add(.queueID, id.description)
      list.add(.from, sender?.text ?? "")
      list.add(.size, octets)
      list.add(.recipientCount, recipients)
    case .rejected(let client, let refusal):
      list.add(client)
      list.add(.refusedCommand, refusal.command)
      list.add(refusal.reply)
    case .clientLeft(let client, let octets):
      list.add(client)
      list.add(.size, octets)
    case .loginFailed(let client, let user, let mechanism, let reply),
      .loginThrottled(let client, let user, let mechanism, let reply):
      list.add(client)
      list.add(.user, user)
      list.add(.authMethod, mechanism.rawValue)
      list.add(reply)
    case .loginInClear(let client, let user, let mechanism, _, let reply):
      list.add(client)
      list.add(.user, user)
      list.add(.authMethod, mechanism?.rawValue)
      list.add(reply)
    case .clientTLSFailed(let client, let reason):
      list.add(client)
      list.add(.reason, reason)
    case .clientCertificateRefused(let client, let reason):
      list.add(client)
      list.add(.reason, reason.text)
    case .sessionsExceeded(let client, let reply):
      list.add(client)
      list.add(reply)

    case .sent(let report), .deferred(let report), .failed(let report), .rerouted(let report):
      Self.describe(report, as: kind, into: &list)
    case .removed(let id):
      list.add(.queueID, id.description)
    case .contentUnreadable(let id, let reason):
      list.add(.queueID, id.description)
      list.add(.reason, reason)
    case .notified(let facts):
      list.add(.queueID, facts.about.description)
      list.add(.noticeID, facts.id.description)
      list.add(.to, facts.told.map(\.text).joined(separator: ", "))
      list.add(.status, facts.kind.name)
    case .doubleBounced(let id, let to, let reply):
      list.add(.queueID, id.description)
      list.add(.to, to.text)
      list.add(.doubleBounce, 1)
      list.add(reply)
    case .notificationPostponed(let id, let reason, let seconds):
      list.add(.queueID, id?.description)
      list.add(.reason, reason)
      list.add(.pause, milliseconds: seconds * 1000)
    case .upstreamPaused(let upstream, let trouble, let seconds, let waiting):
      list.add(.upstream, upstream)
      list.add(.upstreamState, trouble.kind.words.state)
      list.add(.stateReason, trouble.kind.words.reason)
      list.add(.stage, trouble.stage)
      if let reply = trouble.reply { list.add(reply) } else { list.add(.reply, trouble.text.text) }
      list.add(.pause, milliseconds: seconds * 1000)
      list.add(.waiting, waiting)
    case .upstreamRecovered(let upstream, let seconds, let waiting):
      list.add(.upstream, upstream)
      list.add(.upstreamState, "ok")
      list.add(.pause, milliseconds: seconds * 1000)
      list.add(.waiting, waiting)
    case .upstreamPaced(let upstream, let reply):
      list.add(.upstream, upstream)
      list.add(.upstreamState, reply == nil ? "ok" : "slow")
      if let reply { list.add(reply) }
    case .quotaNearlyUsed(let upstream, let use):
      list.add(.upstream, upstream)
      list.add(.reason, use.description)
    case .sizeOffered(let offer):
      list.add(.upstream, offer.upstream)
      list.add(.size, Int(clamping: offer.octets))
    case .quotasUnreadable(let reason):
      list.add(.reason, reason)

    case .credentialChanged(let credential, let upstream, let by, let reply, let released):
      list.add(.credential, credential)
      list.add(.upstream, upstream)
      list.add(.actorUser, by)
      list.add(.waiting, released)
      if let reply { list.add(reply) }
    case .credentialRefused(let credential, let upstream, let by, let trouble):
      list.add(.credential, credential)
      list.add(.upstream, upstream)
      list.add(.actorUser, by)
      list.add(.stage, trouble.stage)
      if let reply = trouble.reply { list.add(reply) } else { list.add(.reply, trouble.text.text) }
    case .credentialMissing(let credential, let upstream, let reason):
      list.add(.credential, credential)
      list.add(.upstream, upstream)
      list.add(.reason, reason)

    case .pausedByHand(let pause):
      Self.describe(pause, by: pause.by, into: &list)
      if pause.name != nil {
        list.add(.upstreamState, "paused")
        list.add(.stateReason, "admin")
      }
    case .pauseEnded(let pause):
      Self.describe(pause, by: pause.by, into: &list)
    case .resumedByHand(let pause, let by):
      Self.describe(pause, by: by, into: &list)
    case .pausesUnreadable(let reason), .historyLost(let reason):
      list.add(.reason, reason)

    case .historyResumed(let lost):
      list.add(.lost, lost)

    case .adminAction(let action):
      list.add(.actorUID, Int64(action.uid))
      list.add(.actorUser, action.user)
      list.add(.actorPID, Int64(action.pid))
      list.add(.command, action.command)
      list.add(.reason, action.reason)
      if let matched = action.matched { list.add(.matched, matched) }
      if let changed = action.changed { list.add(.changed, changed) }
      list.add(.result, action.outcome)
    }
  }

  private static func describe(_ pause: Pause, by: String, into list: inout FieldList) {
    list.add(.side, pause.side)
    list.add(.upstream, pause.name)
    list.add(.actorUser, by)
    list.add(.reason, pause.reason)
    if let until = pause.until { list.add(.until, milliseconds: until.milliseconds) }
  }

  private static func describe(_ message: AcceptedMessage, into list: inout FieldList) {
    let (envelope, origin) = (message.envelope, message.origin)
    list.add(.queueID, message.id.description)
    list.add(.from, envelope.sender?.text ?? "")
    list.add(.originalFrom, message.replacedSender)
    // The recipients of a message to many are in their own events; here the field stays within bounds.
    if envelope.recipients.count == 1 { list.add(.to, envelope.recipients[0].text) }
    list.add(.recipientCount, envelope.recipients.count)
    list.add(.size, message.octets)
    list.add(.headerMessageID, message.headerMessageID?.text)
    list.add(.clientAddress, origin.address)
    list.add(.clientName, origin.client)
    list.add(.user, origin.login)
    list.add(.authMethod, message.mechanism?.rawValue)
    list.add(.listener, origin.listener)
    list.add(tls: origin.tls)
  }

  private static func describe(_ report: DeliveryReport, as kind: EventKind, into list: inout FieldList) {
    list.add(.queueID, report.id.description)
    list.add(.to, report.to.text)
    list.add(.upstream, report.upstream)
    list.add(.status, kind.rawValue)
    list.add(report.reply)
    if report.isDuplicatePossible { list.add(.duplicatePossible, 1) }
    list.add(.attempt, report.attempt)
    if let next = report.nextAttempt { list.add(.nextAttempt, milliseconds: next) }
    list.add(.delay, milliseconds: report.delayMilliseconds)
    guard let course = report.course else { return }
    list.add(.queueDelay, milliseconds: report.queueMilliseconds)
    list.add(.connectDelay, milliseconds: course.connectMilliseconds)
    list.add(.sendDelay, milliseconds: course.sendMilliseconds)
    list.add(.relayHost, course.host)
    list.add(.relayAddress, course.address)
    list.add(.relayPort, course.port)
    list.add(.tlsVersion, course.tls?.version)
    list.add(.tlsCipher, course.tls?.cipher)
  }
}
