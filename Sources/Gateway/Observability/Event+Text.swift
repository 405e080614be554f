// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP

/// The line of an event. Those about messages and clients have the shape that Postfix gave them, which admins, pflogsumm
/// and fail2ban read: text of peers stands behind what these look for, so that it cannot forge it.
extension Event {
  package var message: String {
    switch self {
    case .started(let listeners, let upstreams, let waiting):
      "ready: listening on \(listeners.joined(separator: ", ")); upstream \(upstreams.joined(separator: ", ")); "
        + "\(waiting) waiting"
    case .startFailed(let reason):
      "cannot start: \(reason)"
    case .stopping(let sessions):
      "stopping: draining \(sessions) sessions"
    case .configurationLoaded(let path, _, let changed):
      "configuration loaded from \(path)" + (changed.isEmpty ? "" : ": \(changed.joined(separator: ", ")) changed")
    case .configurationRejected(let reason):
      "warning: configuration refused, nothing changed: \(reason)"
    case .recovered(let messages, let segments, let milliseconds, let wasKilled):
      "queue recovered: \(messages) messages from \(segments) segments in \(milliseconds) ms"
        + (wasKilled ? "; the last process was killed: what it was sending may arrive twice" : "")
    case .spoolDamaged(let what):
      "warning: spool damaged: \(what)"
    case .spoolMoved(let host):
      "warning: the queue was last written on the host '\(host)': if that one still has it, mail is sent twice"
    case .spoolDoubtful(let directory, let reason):
      "warning: mail waits in \(directory), and \(reason)"
    case .mailRefused(let reason, _):
      "warning: new mail is answered 452: \(reason); what waits leaves as usual and makes room"
    case .mailTaken(let seconds):
      "there is room in the queue again, mail is taken after \(seconds) s"
    case .segmentGivenUp(let name, let reason, let count):
      "warning: segment \(name) given up" + (count > 1 ? ", with \(count - 1) before it" : "")
        + ": \(reason); mail that it had not made durable was not promised to anyone, the log goes on in another segment"
    case .logFailing(let reason):
      "warning: nothing can be made durable: \(reason); clients whose mail is in doubt are cut off without a reply, new mail "
        + "is answered 451, what waits leaves as usual"
    case .logWorks(let seconds):
      "the log works again after \(seconds) s, mail is taken"
    case .storageRefused(let client, let reply):
      "warning: the disk did not take a message of \(client): "
        + (reply.map { "answered \($0)" } ?? "closed without a reply, because nothing can be known of it")
    case .certificateExpires(let path, let days):
      days < 0
        ? "warning: certificate \(path) has expired \(-days) days ago"
        : "warning: certificate \(path) expires in \(days) days"
    case .queueStalled(let upstream, let waiting, let seconds):
      "warning: queue stalled: \(waiting) messages are due, upstream \(upstream) is ok, and nothing has moved there for "
        + "\(seconds) s; systemd's watchdog hears nothing until something moves"
    case .writerStalled(let seconds):
      "warning: spool stalled: the disk has not answered for \(seconds) s, nothing can be accepted; "
        + "systemd's watchdog hears nothing until it answers"
    case .loopsStalled(let names, let seconds):
      "warning: event loop stalled: \(names.joined(separator: ", ")) has not answered for \(seconds) s; "
        + "systemd's watchdog hears nothing until it answers"
    case .socketUnserved(let name, let reason):
      "warning: nobody answers on the inherited socket '\(name)': \(reason)"
    case .socketUnmoved(let listener):
      "warning: [listen.\(listener)] address and port count for nothing while systemd opens its socket: "
        + "systemctl edit postern-\(listener).socket"
    case .filesLimited(let limit, let sessions, let configured):
      "warning: the limit of \(limit) open files leaves room for \(sessions) sessions"
        + " of the \(configured) that the listeners may have: raise LimitNOFILE= of the service"
    case .controlSocketFailed(let problem):
      "warning: a level of the console is missing: \(problem)"

    case .accepted(let message):
      Self.accepted(message)
    case .queued(let id, let sender, let octets, let recipients):
      "\(id): from=<\(sender?.text ?? "")>, size=\(octets), nrcpt=\(recipients) (queue active)"
    case .rejected(let client, let refusal):
      "NOQUEUE: reject: \(refusal.command) from \(client): \(refusal.reply)"
    case .clientLeft(let client, let octets):
      "lost connection after DATA (\(octets) bytes or more) from \(client); nothing was accepted"
    case .loginFailed(let client, let user, let mechanism, let reply):
      "warning: \(client): SASL \(mechanism.rawValue) authentication failed: \(Self.refused(user, mechanism)) (\(reply))"
    case .loginThrottled(let client, let user, let mechanism, let reply):
      "warning: \(client): SASL \(mechanism.rawValue) authentication not tried: too many have failed\(Self.name(user)) "
        + "(\(reply))"
    case .loginInClear(let client, let user, let mechanism, let isPasswordSent, let reply):
      "warning: \(client): SASL \(mechanism?.rawValue ?? "unknown") authentication tried without TLS\(Self.name(user))"
        + (isPasswordSent ? ": the password can be read on the way, give this user another one" : "") + " (\(reply))"
    case .clientTLSFailed(let client, let reason):
      "warning: TLS with \(client) failed: \(reason)"
    case .clientCertificateRefused(let client, let reason):
      "warning: \(client): certificate lets nobody log in, the session goes on: \(reason)"
    case .sessionsExceeded(let client, let reply):
      "warning: too many sessions on \(client.listener), refused \(client): \(reply)"

    case .sent(let report): Self.outcome(report, "sent", EnhancedStatus(2, 0, 0))
    case .deferred(let report): Self.outcome(report, "deferred", EnhancedStatus(4, 0, 0))
    case .failed(let report) where kind == .expired: Self.outcome(report, "expired", EnhancedStatus(4, 4, 7))
    case .failed(let report): Self.outcome(report, "bounced", EnhancedStatus(5, 0, 0))
    case .rerouted(let report): Self.outcome(report, "rerouted", EnhancedStatus(5, 0, 0))
    case .removed(let id): "\(id): removed"
    case .contentUnreadable(let id, let reason):
      "warning: \(id): content cannot be read, not sent: \(reason)"
    case .notified(let facts):
      "\(facts.about): \(Self.audience(facts)) \(Self.word(facts.kind)) notification: \(facts.id)"
    case .doubleBounced(let id, let to, let reply):
      "warning: \(id): the notification for <\(to)> cannot be delivered, nobody is told, double_bounce=1 (\(reply))"
    case .notificationPostponed(let id, let reason, let seconds):
      "warning: \(id.map { "\($0): " } ?? "")a notification cannot be written, tried again in \(seconds) s: \(reason)"
    case .upstreamPaused(let upstream, let trouble, let seconds, let waiting):
      "warning: upstream \(upstream) is \(trouble.kind.words.state)"
        + "\(trouble.kind.words.reason.map { " (\($0))" } ?? ""), tried again in \(seconds) s: \(trouble); "
        + "\(waiting) waiting, none bounced"
    case .upstreamRecovered(let upstream, let seconds, let waiting):
      "upstream \(upstream) works again after \(seconds) s; \(waiting) released"
    case .upstreamPaced(let upstream, let reply):
      reply.map { "warning: upstream \(upstream) is given mail more slowly: \($0)" }
        ?? "upstream \(upstream) is given mail at full pace again"
    case .quotaNearlyUsed(let upstream, let use):
      "warning: upstream \(upstream) has had \(use); mail for it waits when that is reached"
    case .sizeOffered(let offer):
      "messages may have \(offer.octets) octets from now on: "
        + (offer.upstream.map { "upstream \($0) takes no more, and none takes more; max_size is \(offer.configured)" }
          ?? "max_size, which upstreams take")
    case .quotasUnreadable(let reason):
      "warning: what was sent before the start is not known, so quotas count from here: \(reason)"

    case .credentialChanged(let credential, let upstream, let by, let reply, let released):
      "credential \(credential) set by \(by), "
        + (reply.map { "\(upstream) accepted it: \($0)" } ?? "not tried at \(upstream)") + "; \(released) released"
    case .credentialRefused(let credential, let upstream, let by, let trouble):
      "warning: credential \(credential) not set by \(by), the old one stays in force; \(upstream) at \(trouble)"
    case .credentialMissing(let credential, let upstream, let reason):
      "warning: mail for \(upstream) waits, there is no \(credential): \(reason)"

    case .pausedByHand(let pause):
      "\(pause.target) paused by \(pause.by)" + (pause.until.map { " until \($0)" } ?? " until somebody resumes it")
        + (pause.reason.map { ": \($0)" } ?? "")
    case .resumedByHand(let pause, let by):
      "\(pause.target) resumed by \(by), was paused since \(pause.since) by \(pause.by)"
    case .pauseEnded(let pause):
      "\(pause.target) resumed, its pause since \(pause.since) by \(pause.by) is over"
    case .pausesUnreadable(let reason):
      "warning: what was paused by hand is not known: \(reason); nothing is sent until 'postern resume out'"

    case .historyLost(let reason):
      "warning: finished mail is not remembered: \(reason); mail itself goes on"
    case .historyResumed(let lost):
      "finished mail is remembered again, \(lost) messages are missing"

    case .adminAction(let action): action.description
    }
  }

  private static func accepted(_ message: AcceptedMessage) -> String {
    var text = "\(message.id): client=\(message.origin.client ?? "unknown")[\(message.origin.address)]"
    if let mechanism = message.mechanism { text += ", sasl_method=\(mechanism.rawValue)" }
    if let login = message.origin.login { text += ", sasl_username=\(login)" }
    if let replaced = message.replacedSender { text += ", orig_from=<\(replaced)>" }
    if let headerMessageID = message.headerMessageID { text += ", message-id=\(headerMessageID)" }
    return text
  }

  private static func outcome(_ report: DeliveryReport, _ status: String, _ fallback: EnhancedStatus) -> String {
    let course = report.course
    let relay = course.map { "\($0.host)[\($0.address ?? "unknown")]:\($0.port)" } ?? report.upstream
    // Postfix: before the queue, in the queue, connection, transmission. Ours are in the queue from their acceptance on.
    let delays = [
      0, report.queueMilliseconds, course?.connectMilliseconds ?? 0, course?.sendMilliseconds ?? 0,
    ]
    return "\(report.id): to=<\(report.to)>, relay=\(relay), delay=\(seconds(report.delayMilliseconds)), "
      + "delays=\(delays.map(seconds).joined(separator: "/")), dsn=\(report.reply.status ?? fallback), "
      + (report.isDuplicatePossible ? "dup_possible=1, " : "")
      + "status=\(status) (\(report.reply))"
  }

  private static func word(_ kind: Notice.Kind) -> String {
    switch kind {
    case .failed: "non-delivery"
    case .delayed: "delay"
    case .relayed: "relay"
    }
  }

  private static func audience(_ facts: NotificationFacts) -> String {
    if !facts.isSenderTold { return "postmaster" }
    return facts.told.count > 1 ? "sender and postmaster" : "sender"
  }

  private static func seconds(_ milliseconds: Int64) -> String {
    let hundredths = max(0, milliseconds) / 10
    if hundredths == 0 { return "0" }
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
  }

  private static func refused(_ user: String?, _ mechanism: SASLMechanism) -> String {
    user == nil ? "no such user" : "\(mechanism == .external ? "user is disabled" : "wrong password")\(name(user))"
  }

  private static func name(_ user: String?) -> String {
    user.map { ", sasl_username=\($0)" } ?? ""
  }
}

extension DeliveryReport {
  /// What neither the connection nor the transmission took.
  var queueMilliseconds: Int64 {
    max(0, delayMilliseconds - (course?.connectMilliseconds ?? 0) - (course?.sendMilliseconds ?? 0))
  }
}
