// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Logging

/// What all events of a kind have in common. The word is stable: scripts, `postern.catalog` and alerts name it.
package enum EventKind: String, Sendable, CaseIterable {
  case started
  case startFailed = "start-failed"
  case stopping
  case configLoaded = "config-loaded"
  case configRejected = "config-rejected"
  case recovered
  case spoolCorrupt = "spool-corrupt"
  case spoolMoved = "spool-moved"
  case spoolLow = "spool-low"
  case spoolSyncFailed = "spool-sync-failed"
  case spoolRecovered = "spool-recovered"
  case spoolDoubtful = "spool-doubtful"
  case tlsCertExpires = "tls-cert-expires"
  case queueStalled = "queue-stalled"
  case spoolStalled = "spool-stalled"
  case loopStalled = "loop-stalled"
  case socketUnserved = "socket-unserved"
  case socketUnmoved = "socket-unmoved"
  case filesLimited = "files-limited"
  case controlSocketFailed = "control-socket-failed"
  case historyLost = "history-lost"
  case historyResumed = "history-resumed"

  case accepted
  case queued
  case rejected
  case relayRefused = "relay-refused"
  case clientLeft = "client-left"
  case authFailed = "auth-failed"
  case authThrottled = "auth-throttled"
  case authInClear = "auth-in-clear"
  case clientTLSFailed = "client-tls-failed"
  case clientCertificateRefused = "client-certificate-refused"
  case sessionsExceeded = "sessions-exceeded"

  case sent
  case deferred
  case failed
  case expired
  case rerouted
  case removed
  case notified
  case doubleBounced = "double-bounced"
  case notificationPostponed = "notification-postponed"
  case upstreamPaused = "upstream-paused"
  case upstreamAuthFailed = "upstream-auth-failed"
  case upstreamTLSFailed = "upstream-tls-failed"
  case upstreamUnreachable = "upstream-unreachable"
  case upstreamRecovered = "upstream-recovered"
  case upstreamSlow = "upstream-slow"
  case quotaNearlyUsed = "quota-nearly-used"
  case quotasUnreadable = "quotas-unreadable"
  case sizeOffered = "size-offered"

  case credentialChanged = "credential-changed"
  case credentialRefused = "credential-refused"
  case credentialMissing = "credential-missing"
  case paused
  case resumed
  case pausesUnreadable = "pauses-unreadable"

  case adminAction = "admin-action"

  /// Drawn once, never changed, never used again: `journalctl MESSAGE_ID=…` and `postern.catalog` find events by it.
  package var messageID: String {
    switch self {
    case .started: "a5a8438bafbb4068a2e61910da92779b"
    case .startFailed: "3a401e9946014beebbc0e5aebbd8e20c"
    case .stopping: "4662e394449f42d8b69f8d6f00ea5655"
    case .configLoaded: "ca33af83ec0546de87537b5bd62a4350"
    case .configRejected: "2ed77d2ff6a143888510428d94992936"
    case .recovered: "71519c5102884dbb97fcacb54ab2ea56"
    case .spoolCorrupt: "87f931f22db64e1d904e811d696c0faf"
    case .spoolMoved: "a3efa86586044fd9a78d4bd36ba45607"
    case .spoolLow: "bd06d39376db4a6b93bef2d133dc4f2a"
    case .spoolSyncFailed: "0e84e2ed45974f2584b6df9d2a9cd92e"
    case .spoolRecovered: "ddf93e0d9e154640b4e6fb8101d11e2d"
    case .spoolDoubtful: "c1189007264444cc9ca62b57e148aced"
    case .tlsCertExpires: "ddf35df52dfc4096b2a19806ce7b5688"
    case .queueStalled: "0a22825351244d40bb1ad53738df3028"
    case .spoolStalled: "6b7aef89f81540a7997b262a23faa8d3"
    case .loopStalled: "af9c85487b1641e0a46c90b274fefb1b"
    case .socketUnserved: "090592f04d99405482d726e63ac75284"
    case .socketUnmoved: "f0135b43d6fe4e369b530aab53f5b441"
    case .filesLimited: "1d134f8d7de04d8cbf8571b2ab3bdf60"
    case .controlSocketFailed: "41ab2d5190fa44d392d56a00dcfc24ce"
    case .historyLost: "fae17b56c1ef4bcbb6aab045398c195b"
    case .historyResumed: "91dd7b5a5c544ee6a58091060d6617a0"
    case .accepted: "5b3e286b9462427daa1d4e09701bef66"
    case .queued: "0adb1a07f9e4410886b562977f8e724e"
    case .rejected: "a0e8b2be30174cacb90f37fa3c4d29e4"
    case .relayRefused: "6d5b4e4b2a9249618731e730c6d8f658"
    case .clientLeft: "b04da7a390714122bb485ad2159e47d9"
    case .authFailed: "79af8a91d84f474589325ae446290bb2"
    case .authThrottled: "d120ab1e4c7647f9bebad038ae43f33a"
    case .authInClear: "99757a597cf249f9add639e64e310a90"
    case .clientTLSFailed: "287cc7554d5e488a95a534e532665b70"
    case .clientCertificateRefused: "da28212f2b4d44c4b9130af2fb06fb0c"
    case .sessionsExceeded: "0b44201b1a3d423cb43ab3bebc5f5a4d"
    case .sent: "d005d797d825412e8ca1f1a0e0c2ce1d"
    case .deferred: "567aa7cf9a0c42f280bf5cca82914888"
    case .failed: "13d4cf4f0f844a9da82ff1b8c64d2aff"
    case .expired: "a6460f415a1a42bca31d6c0c57d202ab"
    case .rerouted: "a1e957db9f264e5fb001f2484308d2d2"
    case .removed: "de470acda8a448ec80a753d55381fdbe"
    case .notified: "9a565a5bc14a4c2ab6abd702f2fb455c"
    case .doubleBounced: "0ef97aea7c5c4955bcf4a0cac2f9977c"
    case .notificationPostponed: "5451438888a74536a39b601812206db2"
    case .upstreamPaused: "b22da303a13f4a4b9cd0f4f7c0862abd"
    case .upstreamAuthFailed: "5483a9a27d60483c87f8ff17bf09fc6c"
    case .upstreamTLSFailed: "bdf27f9d8e0448e18f44270164015f3f"
    case .upstreamUnreachable: "1c529f90d2a949699925c72bb9068f85"
    case .upstreamRecovered: "c4bb438aec2448888d4bd9a01c3eb201"
    case .upstreamSlow: "0e8515130d70493a8fa235bfdad757e8"
    case .quotaNearlyUsed: "7d63019b2c9549c5b4edbea85d5fb992"
    case .quotasUnreadable: "bf315f8de3a54716bf83ad197d1486c6"
    case .sizeOffered: "f4ea215757a54fb3934bf9ce3c023073"
    case .credentialChanged: "643cd4018c52477c810a26782d023024"
    case .credentialRefused: "a84845abd24849769521ad96f9444bef"
    case .credentialMissing: "e6f48f2f660f41afad095e6c311f723e"
    case .paused: "06e23213da03493c816d39a23b9a9620"
    case .resumed: "f3d8097e8fdb4ef4b4481f656b0b5448"
    case .pausesUnreadable: "e32708f7ca714484ae81e998b509c174"
    case .adminAction: "dd87eba9c58148c18eaf25dcb97f9ea2"
    }
  }

  package var level: Logger.Level {
    switch self {
    case .startFailed, .spoolCorrupt, .spoolLow, .spoolSyncFailed, .queueStalled, .spoolStalled, .loopStalled:
      .critical
    case .configRejected, .upstreamAuthFailed, .upstreamTLSFailed, .pausesUnreadable, .credentialRefused,
      .credentialMissing:
      .error
    case .spoolMoved, .spoolDoubtful, .tlsCertExpires, .socketUnserved, .socketUnmoved, .filesLimited,
      .controlSocketFailed, .historyLost, .authThrottled, .authInClear, .sessionsExceeded, .failed, .expired,
      .upstreamPaused,
      .upstreamUnreachable, .upstreamSlow, .quotaNearlyUsed, .quotasUnreadable, .paused, .doubleBounced,
      .notificationPostponed:
      .warning
    case .started, .stopping, .configLoaded, .recovered, .spoolRecovered, .relayRefused, .authFailed, .clientTLSFailed,
      .clientCertificateRefused, .upstreamRecovered, .sizeOffered, .credentialChanged, .resumed, .historyResumed,
      .adminAction:
      .notice
    case .accepted, .queued, .rejected, .clientLeft, .sent, .deferred, .rerouted, .removed, .notified: .info
    }
  }

  /// Who says it, in the words that Postfix has for its parts, because admins and their tools look for these.
  package var identifier: String {
    switch self {
    case .accepted, .rejected, .relayRefused, .clientLeft, .authFailed, .authThrottled, .authInClear,
      .clientTLSFailed, .clientCertificateRefused, .sessionsExceeded:
      "postern/submission/smtpd"
    case .sent, .deferred, .failed, .expired, .rerouted: "postern/smtp"
    case .notified, .doubleBounced, .notificationPostponed: "postern/bounce"
    case .queued, .removed, .upstreamPaused, .upstreamAuthFailed, .upstreamTLSFailed, .upstreamUnreachable,
      .upstreamRecovered, .upstreamSlow, .quotaNearlyUsed, .quotasUnreadable, .sizeOffered:
      "postern/qmgr"
    case .started, .startFailed, .stopping, .configLoaded, .configRejected, .recovered, .spoolCorrupt, .spoolMoved,
      .spoolLow, .spoolSyncFailed, .spoolRecovered, .spoolDoubtful, .tlsCertExpires, .queueStalled, .spoolStalled,
      .loopStalled, .socketUnserved, .socketUnmoved, .filesLimited, .controlSocketFailed, .credentialChanged,
      .credentialRefused, .credentialMissing, .paused, .resumed, .pausesUnreadable, .historyLost, .historyResumed,
      .adminAction:
      "postern/posternd"
    }
  }
}
