// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Logging
import Queue
import SMTP

/// Everything that the gateway tells the admin, one case an event, one line a case.
///
/// What is the same for all events of a kind is in `EventKind`; the text of a case in `Event+Text.swift`, its facts in
/// `Event+Fields.swift`. They hold no secret: passwords are unprintable by type, and what peers said comes in `PeerText`.
package enum Event: Sendable {
  case started(listeners: [String], upstreams: [String], waiting: Int)
  case startFailed(String)
  case stopping(sessions: Int)
  case configurationLoaded(path: String, generation: Int, changed: [String])
  case configurationRejected(String)
  /// `wasKilled`: mail waits, and the process before did not end by itself.
  case recovered(messages: Int, segments: Int, milliseconds: Int64, wasKilled: Bool)
  case spoolDamaged(String)
  /// The queue was last written on another host: it may be a copy of one that lives on.
  case spoolMoved(host: String)
  /// The file system is one that does not keep mail as a disk does.
  case spoolDoubtful(directory: String, reason: String)
  /// From now on, with 452; said once until mail is taken again.
  case mailRefused(reason: String, free: Int64?)
  case mailTaken(seconds: Int64)
  /// A write or a sync failed there; `count` segments since the last time that this was said.
  case segmentGivenUp(String, reason: String, count: Int)
  /// Nothing can be made durable.
  case logFailing(String)
  case logWorks(seconds: Int64)
  /// nil: nothing could be said to the client.
  case storageRefused(EventClient, Reply?)
  case certificateExpires(path: String, inDays: Int64)
  /// Mail is due, the upstream is ok, and nothing moves.
  case queueStalled(upstream: String, waiting: Int, seconds: Int64)
  case writerStalled(seconds: Int64)
  case loopsStalled([String], seconds: Int64)
  /// A socket of the service manager that nobody here answers on.
  case socketUnserved(name: String, reason: String)
  case socketUnmoved(listener: String)
  /// The limit of open files is what bounds the sessions, not the configuration.
  case filesLimited(Int, sessions: Int, configured: Int)
  case controlSocketFailed(String)
  /// Finished mail is not remembered from now on.
  case historyLost(String)
  /// It is again; so many messages are missing.
  case historyResumed(lost: Int)

  case accepted(AcceptedMessage)
  /// Said of each message that is accepted or that we write ourselves: Postfix has two lines for it, and its tools count both.
  case queued(MessageID, sender: Address?, octets: Int, recipients: Int)
  case rejected(EventClient, Refusal)
  case clientLeft(EventClient, octets: Int)
  /// The user is nil if there is none of that name: who mixes up the two fields of a form sends a password.
  case loginFailed(EventClient, user: String?, mechanism: SASLMechanism, Reply)
  case loginThrottled(EventClient, user: String?, mechanism: SASLMechanism, Reply)
  /// Without TLS; it was refused, but the password may have been read on the way. The mechanism is nil if we know none
  /// of that name.
  case loginInClear(EventClient, user: String?, mechanism: SASLMechanism?, isPasswordSent: Bool, Reply)
  case clientTLSFailed(EventClient, reason: String)
  /// The session goes on without it.
  case clientCertificateRefused(EventClient, reason: PeerText)
  case sessionsExceeded(EventClient, Reply)

  case sent(DeliveryReport)
  case deferred(DeliveryReport)
  case failed(DeliveryReport)
  /// The upstream has sent a recipient to another one, which is asked at once.
  case rerouted(DeliveryReport)
  /// The last recipient is finished, and the message is no more.
  case removed(MessageID)
  case contentUnreadable(MessageID, String)
  case notified(NotificationFacts)
  /// A notification, or another message with the null path, cannot be delivered: there is nobody to tell.
  case doubleBounced(MessageID, to: Address, Reply)
  /// nil: of no particular message.
  case notificationPostponed(MessageID?, reason: String, seconds: Int64)
  case upstreamPaused(String, UpstreamTrouble, seconds: Int64, waiting: Int)
  case upstreamRecovered(String, pausedSeconds: Int64, waiting: Int)
  /// It asked us to slow down, and is given less; nil: it is given all again.
  case upstreamPaced(String, Reply?)
  case quotaNearlyUsed(String, QuotaUse)
  /// What clients are offered as SIZE has changed, because of what upstreams announce.
  case sizeOffered(Announcements.Offer)
  case quotasUnreadable(String)

  /// `reply` is the upstream's; nil: it was not asked.
  case credentialChanged(String, upstream: String, by: String, reply: Reply?, released: Int)
  case credentialRefused(String, upstream: String, by: String, UpstreamTrouble)
  case credentialMissing(String, upstream: String, reason: String)

  case pausedByHand(Pause)
  case resumedByHand(Pause, by: String)
  /// The time that it was given is over.
  case pauseEnded(Pause)
  case pausesUnreadable(String)

  case adminAction(AdminAction)

  /// The word under which it goes, with its id, level and speaker.
  package var kind: EventKind {
    switch self {
    case .started: .started
    case .startFailed: .startFailed
    case .stopping: .stopping
    case .configurationLoaded: .configLoaded
    case .configurationRejected: .configRejected
    case .recovered: .recovered
    case .spoolDamaged, .contentUnreadable: .spoolCorrupt
    case .spoolMoved: .spoolMoved
    case .spoolDoubtful: .spoolDoubtful
    case .mailRefused: .spoolLow
    case .segmentGivenUp, .logFailing: .spoolSyncFailed
    case .mailTaken, .logWorks: .spoolRecovered
    case .storageRefused(_, let reply): reply == .diskFull ? .spoolLow : .spoolSyncFailed
    case .certificateExpires: .tlsCertExpires
    case .queueStalled: .queueStalled
    case .writerStalled: .spoolStalled
    case .loopsStalled: .loopStalled
    case .socketUnserved: .socketUnserved
    case .socketUnmoved: .socketUnmoved
    case .filesLimited: .filesLimited
    case .controlSocketFailed: .controlSocketFailed
    case .historyLost: .historyLost
    case .historyResumed: .historyResumed
    case .accepted: .accepted
    case .queued: .queued
    case .rejected(_, let refusal): refusal.reply.code == 530 ? .relayRefused : .rejected
    case .clientLeft: .clientLeft
    case .loginFailed: .authFailed
    case .loginThrottled: .authThrottled
    case .loginInClear: .authInClear
    case .clientTLSFailed: .clientTLSFailed
    case .clientCertificateRefused: .clientCertificateRefused
    case .sessionsExceeded: .sessionsExceeded
    case .sent: .sent
    case .deferred: .deferred
    // The last reply of a message that was given up is the deferral that came too late.
    case .failed(let report): report.reply.isTransient ? .expired : .failed
    case .rerouted: .rerouted
    case .removed: .removed
    case .notified: .notified
    case .doubleBounced: .doubleBounced
    case .notificationPostponed: .notificationPostponed
    case .upstreamPaused(_, let trouble, _, _):
      switch trouble.kind {
      case .login: .upstreamAuthFailed
      case .tls: .upstreamTLSFailed
      case .unreachable, .busy, .broken: .upstreamUnreachable
      case .quota: .upstreamPaused
      }
    case .upstreamRecovered, .upstreamPaced(_, nil): .upstreamRecovered
    case .upstreamPaced: .upstreamSlow
    case .quotaNearlyUsed: .quotaNearlyUsed
    case .sizeOffered: .sizeOffered
    case .quotasUnreadable: .quotasUnreadable
    case .credentialChanged: .credentialChanged
    case .credentialRefused: .credentialRefused
    case .credentialMissing: .credentialMissing
    case .pausedByHand: .paused
    case .resumedByHand, .pauseEnded: .resumed
    case .pausesUnreadable: .pausesUnreadable
    case .adminAction: .adminAction
    }
  }

  package var level: Logger.Level { kind.level }
}
