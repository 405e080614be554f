// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Queue
import SMTP
import Synchronization

/// What the console asks, answered by the running gateway. Called on the control
/// socket's own event loop, which serves no mail, so what the console asks to be read back may wait for the disk.
final class GatewayAdministration: Administration {
  unowned let gateway: Gateway

  init(gateway: Gateway) {
    self.gateway = gateway
  }

  func status() -> StatusReply {
    let now = gateway.clock.now()
    let settings = gateway.settings.current
    let configuration = settings.configuration
    let record = gateway.lastReload
    let queue = gateway.queue.summary(now: now)
    let upstreams = gateway.upstreams(now: now)
    let pauses = gateway.pauses.current.all
    let spool = gateway.spool.facts.reply
    let isDegraded =
      upstreams.contains { $0.state != "ok" && $0.state != "standby" } || queue.failed > 0 || queue.quarantined > 0
      || !pauses.isEmpty
      || spool.state != "ok"
    let weak = weakClients(configuration)
    let unused = Self.unusedExceptions(configuration, besides: weak)
    let clearLogins = gateway.clients.clearLogins
    var status = StatusReply(
      health: isDegraded ? .degraded : .ok, version: Product.version, host: configuration.hostname,
      uptimeSeconds: Int((now.monotonic - gateway.startedAt.monotonic) / 1000),
      config: StatusReply.Config(
        path: gateway.configurationPath, loaded: Timestamp(milliseconds: record.loaded),
        generation: record.generation),
      queue: StatusReply.Queue(
        queued: queue.queued, sending: queue.sending, deferred: queue.deferred, held: queue.held,
        failed: queue.failed, quarantined: queue.quarantined, bytes: queue.octets,
        oldestSeconds: queue.oldest.map { Int((now.wall - $0) / 1000) }, dropped: queue.dropped),
      upstreams: upstreams,
      incoming: StatusReply.Incoming(
        sessions: gateway.sessionCount,
        listeners: gateway.listeners.numbers.map { StatusReply.Listener(name: $0.name, port: $0.port) },
        sizeLimit: gateway.announcements.offer.flatMap(StatusReply.SizeLimit.init), clearLogins: clearLogins),
      spool: spool, pauses: pauses,
      warnings: Self.warnings(of: spool) + upstreams.compactMap(\.warning) + warnings(configuration, queue)
        + Self.warnings(of: weak, unused: unused, clearLogins: clearLogins, now: now.wall)
        + Self.warnings(of: pauses, now: now.wall))
    status.weakClients = Array(weak.prefix(AdminLimits.weakClientsMax))
    status.unusedExceptions = Array(unused.prefix(AdminLimits.weakClientsMax))
    return status
  }

  func reload(completed: @escaping @Sendable (ReloadReply) -> Void) {
    gateway.runInBackground {
      switch self.gateway.reload() {
      case .success(let record):
        completed(ReloadReply(generation: record.generation, changed: record.changed))
      case .failure(let error):
        let lines = error.description.split(separator: "\n").map(String.init)
        completed(ReloadReply(generation: self.gateway.lastReload.generation, changed: [], problems: lines))
      }
    }
  }

  private static func warnings(of spool: StatusReply.Spool) -> [StatusReply.Warning] {
    guard let reason = spool.reason else { return [] }
    let code = spool.state == "low" ? 452 : 451
    return [StatusReply.Warning(code: "spool.\(spool.state)", message: "new mail is answered \(code): \(reason)")]
  }

  private func warnings(_ configuration: Configuration, _ queue: QueueSummary) -> [StatusReply.Warning] {
    var warnings: [StatusReply.Warning] = []
    for upstream in configuration.upstreams where upstream.security == .none && !upstream.isCapture {
      warnings.append(
        StatusReply.Warning(
          code: "upstream.plaintext", message: "mail for \(upstream.name) leaves without TLS: allow_insecure is set"))
    }
    for upstream in gateway.settings.current.upstreams {
      guard case .certificate(let identity) = upstream.oauth?.proof else { continue }
      let days = (identity.notAfter - gateway.clock.now().wall / 1000) / 86_400
      guard days < 14 else { continue }
      let end = days < 0 ? "has ended" : "ends in \(days) days"
      warnings.append(
        StatusReply.Warning(
          code: "creds.certificate",
          message:
            "the client certificate for \(upstream.name) \(end): postern creds set \(upstream.name) --client-certificate"
        ))
    }
    if queue.quarantined > 0 {
      warnings.append(
        StatusReply.Warning(
          code: "queue.quarantined",
          message: "\(queue.quarantined) messages are damaged on disk; they are kept and not sent"))
    }
    return warnings
  }
}
