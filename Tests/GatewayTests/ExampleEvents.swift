// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
@testable import Gateway
import Queue
import SMTP
import TLS

/// One event of each kind or more, with every fact that such an event can have. `text` stands wherever a peer, a file or
/// the system has the word.
func exampleEvents(saying text: String = "something") -> [Event] {
  let peer = PeerText(text)
  let id = MessageID(number: 7)
  let alice = Address("alice@example.org")!
  let client = EventClient(name: "nas", address: "192.0.2.20", listener: "submission")
  let envelope = Envelope(sender: alice, recipients: [Address("bob@example.net")!])
  let origin = Origin(
    login: peer.text, address: "192.0.2.20", helo: peer.text, client: "nas", listener: "submission",
    tls: "TLSv1.3 TLS_AES_256_GCM_SHA384")
  func refused(_ code: Int) -> Refusal {
    Refusal(command: "MAIL", reply: Reply(code, EnhancedStatus(5, 7, 0), peer))
  }
  func report(_ code: Int, next: Int64? = nil) -> DeliveryReport {
    DeliveryReport(
      id: id, to: alice, upstream: "office",
      course: DeliveryCourse(
        host: "smtp.example.com", address: "192.0.2.25", port: 465,
        tls: TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", bits: 256, resumed: false),
        connectMilliseconds: 410, sendMilliseconds: 400),
      reply: Reply(code, EnhancedStatus(UInt8(code / 100), 0, 0), peer), attempt: 1, delayMilliseconds: 840,
      nextAttempt: next, isDuplicatePossible: true)
  }
  func paused(_ kind: UpstreamTrouble.Kind) -> Event {
    .upstreamPaused(
      "office", UpstreamTrouble(kind, at: "auth", peer, Reply(535, EnhancedStatus(5, 7, 8), peer)), seconds: 720,
      waiting: 3)
  }
  func notified(_ kind: Notice.Kind, told: [Address], isSenderTold: Bool) -> Event {
    .notified(
      NotificationFacts(id: MessageID(number: 8), about: id, kind: kind, told: told, isSenderTold: isSenderTold))
  }
  let pause = Pause(
    side: "upstream", name: "office", since: Timestamp(milliseconds: 1_790_000_000_000),
    until: Timestamp(milliseconds: 1_790_003_600_000), by: "root", reason: text)
  var action = AdminAction(
    AdminPeer(PeerCredentials(pid: 4711, uid: 1000, gid: 1000), level: .operate), command: peer.text, outcome: text)
  (action.reason, action.matched, action.changed) = (text, 3, 2)
  return [
    .started(listeners: ["submission 192.0.2.1:587"], upstreams: ["office"], waiting: 3),
    .startFailed(text),
    .stopping(sessions: 2),
    .configurationLoaded(path: "/etc/postern/postern.toml", generation: 2, changed: ["upstream", "log"]),
    .configurationRejected(text),
    .recovered(messages: 3, segments: 1, milliseconds: 28, wasKilled: true),
    .spoolDamaged(text),
    .spoolMoved(host: "old-gateway"),
    .spoolDoubtful(directory: "/var/lib/postern/queue", reason: text),
    .mailRefused(reason: text, free: 300 << 20),
    .mailTaken(seconds: 60),
    .segmentGivenUp("0000002a.wal", reason: text, count: 2),
    .logFailing(text),
    .logWorks(seconds: 60),
    .contentUnreadable(id, text),
    .storageRefused(client, .diskFull),
    .storageRefused(client, nil),
    .certificateExpires(path: "/etc/postern/fullchain.pem", inDays: 5),
    .queueStalled(upstream: "office", waiting: 3, seconds: 300),
    .writerStalled(seconds: 60),
    .loopsStalled(["mail", "console"], seconds: 60),
    .filesLimited(64, sessions: 5, configured: 128),
    .socketUnserved(name: "submissions", reason: text),
    .socketUnmoved(listener: "submission"),
    .accepted(
      AcceptedMessage(
        id: id, envelope: envelope, origin: origin, octets: 4198, mechanism: .plain,
        replacedSender: peer.text, headerMessageID: peer)),
    .queued(id, sender: alice, octets: 4198, recipients: 1),
    .rejected(client, refused(550)),
    .rejected(client, refused(530)),
    .clientLeft(client, octets: 512),
    .loginFailed(client, user: peer.text, mechanism: .plain, .loginRejected("nas")),
    .loginThrottled(client, user: peer.text, mechanism: .login, Reply(454, EnhancedStatus(4, 7, 0), peer)),
    .loginInClear(
      client, user: peer.text, mechanism: .plain, isPasswordSent: true, Reply(538, EnhancedStatus(5, 7, 11), peer)),
    .clientTLSFailed(client, reason: text),
    .clientCertificateRefused(client, reason: peer),
    .sessionsExceeded(client, .tooManySessions),
    .sent(report(250)),
    .deferred(report(451, next: 1_790_000_000_000)),
    .failed(report(550)),
    .failed(report(451)),
    .rerouted(report(552)),
    .removed(id),
    notified(.failed, told: [alice], isSenderTold: true),
    notified(.delayed, told: [alice, Address("it@example.org")!], isSenderTold: true),
    notified(.failed, told: [alice], isSenderTold: false),
    .doubleBounced(id, to: alice, Reply(550, EnhancedStatus(5, 1, 1), peer)),
    .notificationPostponed(id, reason: text, seconds: 5),
    .notificationPostponed(nil, reason: text, seconds: 5),
    paused(.busy), paused(.quota), paused(.login), paused(.tls), paused(.unreachable),
    .upstreamRecovered("office", pausedSeconds: 720, waiting: 3),
    .upstreamPaced("office", Reply(450, EnhancedStatus(4, 7, 1), "too many messages")),
    .quotaNearlyUsed("office", QuotaUse(used: 400, limit: 500, unit: "messages", seconds: 86_400)),
    .sizeOffered(Announcements.Offer(octets: 26_214_400, configured: 52_428_800, upstream: "office")),
    .sizeOffered(Announcements.Offer(octets: 52_428_800, configured: 52_428_800)),
    .quotasUnreadable("cannot read /var/lib/postern/queue/quotas: it is not what posternd wrote"),
    .credentialChanged(
      "office.password", upstream: "office", by: "root", reply: Reply(235, EnhancedStatus(2, 7, 0), peer), released: 3),
    .credentialChanged("office.password", upstream: "office", by: "root", reply: nil, released: 0),
    .credentialRefused(
      "office.password", upstream: "office", by: "root",
      UpstreamTrouble(.login, at: "auth", peer, Reply(535, EnhancedStatus(5, 7, 8), peer))),
    .credentialMissing("office.password", upstream: "office", reason: text),
    .pausedByHand(pause), .resumedByHand(pause, by: "root"), .pauseEnded(pause), .pausesUnreadable(text),
    .controlSocketFailed(text), .historyLost(text), .historyResumed(lost: 12),
    .adminAction(action),
  ]
}
