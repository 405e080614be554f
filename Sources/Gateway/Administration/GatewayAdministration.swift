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
  private unowned let gateway: Gateway

  init(gateway: Gateway) {
    self.gateway = gateway
  }

  func status() -> StatusReply {
    let now = gateway.clock.now()
    let settings = gateway.settings.current
    let configuration = settings.configuration
    let record = gateway.lastReload
    let queue = gateway.queue.summary(now: now)
    let upstream = gateway.upstream(now: now)
    let isDegraded = upstream.state != "ok" || queue.failed > 0 || queue.quarantined > 0
    return StatusReply(
      health: isDegraded ? .degraded : .ok, version: Product.version, host: configuration.hostname,
      uptimeSeconds: Int((now.monotonic - gateway.startedAt.monotonic) / 1000),
      config: StatusReply.Config(
        path: gateway.configurationPath, loaded: Timestamp(milliseconds: record.loaded),
        generation: record.generation),
      queue: StatusReply.Queue(
        queued: queue.queued, sending: queue.sending, deferred: queue.deferred, failed: queue.failed,
        quarantined: queue.quarantined, bytes: queue.octets,
        oldestSeconds: queue.oldest.map { Int((now.wall - $0) / 1000) }),
      upstreams: [upstream],
      incoming: StatusReply.Incoming(
        sessions: gateway.sessionCount,
        listeners: configuration.listeners.map { StatusReply.Listener(name: $0.name, port: $0.port) }),
      spool: StatusReply.Spool(freeBytes: gateway.spoolFreeOctets), warnings: warnings(configuration, queue))
  }

  func page(after: MessageID?, limit: Int) -> [MessageView] {
    gateway.queue.page(after: after, limit: limit)
  }

  func show(_ prefix: String) -> ShowResult {
    let ids = gateway.queue.find(prefix: prefix)
    guard let id = ids.first else { return .unknown }
    guard ids.count == 1 else { return .ambiguous(ids) }
    let now = gateway.clock.now().wall
    // A record that cannot be read back is a message all the same.
    if let details = try? gateway.queue.details(id) { return .found(MessageReply(details, now: now)) }
    return gateway.queue.view(id).map { .found(MessageReply($0, now: now)) } ?? .unknown
  }

  func origin(of id: MessageID) -> Origin? {
    (try? gateway.queue.details(id))?.origin
  }

  func flush(_ ids: [MessageID]) -> Int {
    gateway.queue.flush(ids, now: gateway.clock.now())
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

  private func warnings(_ configuration: Configuration, _ queue: QueueSummary) -> [StatusReply.Warning] {
    var warnings = configuration.clients.filter { $0.allow.contains(.plaintext) }.map { client in
      StatusReply.Warning(
        code: "client.plaintext", message: "\(client.name) may submit without TLS, allowed by its client stanza",
        client: client.name)
    }
    if configuration.upstream.security == .none, configuration.upstream.provider == .generic {
      warnings.append(
        StatusReply.Warning(code: "upstream.plaintext", message: "mail leaves without TLS: allow_insecure is set"))
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
