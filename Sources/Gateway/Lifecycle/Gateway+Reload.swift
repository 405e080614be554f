// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue
import Synchronization
import Systemd

/// Another configuration while mail goes on, and what the admin should hear of the one that is in force.
extension Gateway {
  /// Reads everything anew and swaps it whole; on any error nothing changes.
  package func reload() -> Result<ReloadRecord, GatewayError> {
    reloads.withLock { _ in
      guard !isStopping.load(ordering: .relaxed) else {
        return .failure(GatewayError("shutting down", isLasting: false))
      }
      notifier.reloading(monotonicMicroseconds: Clock.monotonicMicroseconds())
      defer { notifier.ready(status: statusLine.description) }
      do {
        let old = settings.current
        let new = try Settings.load(path: configurationPath, replacing: old)
        let changed =
          try Self.changes(from: old.configuration, to: new.configuration)
          + (Self.isCredentialChanged(from: old, to: new) ? ["credential"] : [])
        try listeners.open(new.configuration)
        for listener in listeners.unmoved(from: old.configuration, to: new.configuration) {
          log.report(.socketUnmoved(listener: listener))
        }
        settings.replace(new)
        limitSessions()
        tokens.retain(new.upstreams.filter { $0.oauth != nil }.map(\.name))
        log.setLevel(new.configuration.log.level.logger)
        queue.adopt(QueuePolicy(new.configuration.queue))
        history.adopt(keep: new.configuration.queue.historyKeep)
        spool.adopt(SpaceGauge.Limits(new.configuration.queue))
        dispatcherLoop.execute { self.notices.value.replace(new) }
        route(new, insteadOf: old)
        let record = lastRecord.withLock { last in
          last = ReloadRecord(loaded: clock.now().wall, generation: last.generation + 1, changed: changed)
          return last
        }
        warn()
        log.report(
          .configurationLoaded(path: configurationPath, generation: record.generation, changed: changed))
        return .success(record)
      } catch {
        let summary = (error as? SettingsError)?.summary ?? "\(error)"
        let error = GatewayError("\(error)")
        log.report(.configurationRejected(summary))
        return .failure(error)
      }
    }
  }

  /// What waits goes the new ways too. The dispatcher knows them before any mail is in their lanes.
  private func route(_ new: Settings, insteadOf old: Settings) {
    guard new.routes != old.routes else { return replace(new, routing: queue.routing) }
    queue.adopt(new.routes) { routing in replace(new, routing: routing) }
  }

  private func replace(_ new: Settings, routing: UInt32) {
    dispatcherLoop.execute { self.dispatcher.value.replace(new, routing: routing) }
  }

  private static func isCredentialChanged(from old: Settings, to new: Settings) -> Bool {
    old.upstreams.contains { before in
      guard let after = new.upstream(named: before.name) else { return false }
      return after.upstream == before.upstream
        && (after.login != before.login || after.oauth != before.oauth || after.tls.identity != before.tls.identity)
    }
  }

  /// The tables that differ. What only a start can change is refused, so that file and process never disagree.
  private static func changes(from old: Configuration, to new: Configuration) throws(GatewayError) -> [String] {
    for (key, isChanged) in [
      ("queue.directory", old.queue.directory != new.queue.directory),
      ("control.directory", old.control.directory != new.control.directory),
    ] where isChanged {
      throw GatewayError("\(key) changes only at a start: systemctl restart postern")
    }
    return [
      ("hostname", old.hostname != new.hostname), ("postmaster", old.postmaster != new.postmaster),
      ("upstream", old.upstreams != new.upstreams), ("route", old.routes != new.routes),
      ("listen", old.listeners != new.listeners), ("access", old.access != new.access),
      ("client", old.clients != new.clients), ("sender", old.sender != new.sender),
      ("message", old.message != new.message),
      ("queue", old.queue != new.queue), ("bounce", old.bounce != new.bounce), ("tls", old.tls != new.tls),
      ("log", old.log != new.log),
    ].filter(\.1).map(\.0)
  }

  /// Without waiting for a reload that is under way.
  var lastReload: ReloadRecord { lastRecord.withLock { $0 } }

  // MARK: what works and yet is not as it should be

  func warn() {
    warnOfCertificates()
    warnOfUnservedSockets()
    warnOfCredential()
  }

  private func warnOfCertificates() {
    let current = settings.current
    warnOfCertificate(current.configuration.tls.certificate, current.serverTLS?.notAfter)
    if let authorities = current.serverTLS?.clientAuthorities {
      warnOfCertificate(authorities.source, authorities.notAfter)
    }
    for identity in current.upstreams.compactMap(\.tls.identity) {
      warnOfCertificate(identity.source, identity.facts.notAfter)
    }
  }

  private func warnOfCertificate(_ path: String, _ end: Int64?) {
    guard let end else { return }
    let days = (end - clock.now().wall / 1000) / 86_400
    if days < 14 { log.report(.certificateExpires(path: path, inDays: days)) }
  }

  private func warnOfUnservedSockets() {
    for name in listeners.unserved(by: settings.current.configuration) {
      log.report(.socketUnserved(name: name, reason: "the configuration has no [listen.\(name)]"))
    }
  }

  private func warnOfCredential() {
    for upstream in settings.current.upstreams {
      guard let credential = upstream.credential, case .missing(let reason) = credential.source else { continue }
      log.report(.credentialMissing(credential.name, upstream: upstream.name, reason: reason))
    }
  }
}

/// How often the configuration was loaded, and when last.
package struct ReloadRecord: Sendable {
  /// Wall milliseconds.
  package var loaded: Int64
  package var generation: Int
  package var changed: [String] = []
}
