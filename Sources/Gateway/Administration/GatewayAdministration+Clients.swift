// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import Queue

/// Who hands in mail, and who would like to.
extension GatewayAdministration {
  func clients() -> [ClientReply] {
    let now = gateway.clock.now()
    let configuration = gateway.settings.current.configuration
    let sessions = gateway.counts.byAddress
    let rows = gateway.clients.records().map { record in
      let client = configuration.client(at: record.address)
      let used = client?.rate.map { gateway.rates.used(record.address.description, $0, now) }
      return ClientReply(record, client, sessions: sessions[record.address] ?? 0, rateUsed: used, now: now)
    }
    return rows.sorted { one, other in
      (one.state == .ok) == (other.state == .ok) ? one.lastSeen > other.lastSeen : one.state != .ok
    }
  }

  func clientNames() -> [String] { gateway.settings.current.configuration.clients.map(\.name) }

  func clientFindings(_ subject: String) -> ClientFindings? {
    let settings = gateway.settings.current
    let configuration = settings.configuration
    let address = IPAddress(subject)
    guard address != nil || configuration.clients.contains(where: { $0.name == subject }) else { return nil }
    let records =
      address.map { gateway.clients[$0].map { [$0] } ?? [] }
      ?? gateway.clients.records().filter { configuration.client(at: $0.address)?.name == subject }
    return ClientFindings(
      subject: address?.description ?? subject, isAddress: address != nil, records: records,
      configuration: configuration, path: gateway.configurationPath, started: gateway.startedAt.wall,
      ports: gateway.listeners.numbers.map(\.port), needsNoLogin: settings.needsNoLogin,
      isRouter: { settings.routers.contains($0) })
  }

  /// The clients that live by exceptions, those seen last in front.
  func weakClients(_ configuration: Configuration) -> [StatusReply.WeakClient] {
    gateway.clients.records(where: { !$0.used.isEmpty }).sorted { $0.lastSeen > $1.lastSeen }.compactMap { record in
      guard let client = configuration.client(at: record.address) else { return nil }
      let used = record.used.intersection(ClientExceptions(client.allow))
      guard !used.isEmpty else { return nil }
      return StatusReply.WeakClient(
        name: client.name, address: record.address.description, exceptions: used.list.map(\.rawValue),
        lastSeen: Timestamp(milliseconds: record.lastSeen))
    }
  }

  /// What each `[[client]]` allows, and none of these has needed.
  static func unusedExceptions(
    _ configuration: Configuration, besides weak: [StatusReply.WeakClient]
  ) -> [StatusReply.UnusedExceptions] {
    configuration.clients.compactMap { client in
      let used = Set(weak.filter { $0.name == client.name }.flatMap(\.exceptions))
      let unused = ClientExceptions(client.allow).list.map(\.rawValue).filter { !used.contains($0) }
      return unused.isEmpty ? nil : StatusReply.UnusedExceptions(name: client.name, exceptions: unused)
    }
  }

  static func warnings(
    of weak: [StatusReply.WeakClient], unused: [StatusReply.UnusedExceptions], clearLogins: Int, now: Int64
  ) -> [StatusReply.Warning] {
    var warnings = weak.prefix(AdminLimits.weakClientsShown).map { client -> StatusReply.Warning in
      let ago = Humane.longSpan(seconds: Int((now - client.lastSeen.milliseconds) / 1000))
      return StatusReply.Warning(
        code: client.exceptions.contains("plaintext") ? "client.plaintext" : "client.weak",
        message:
          "\(client.name) (\(client.address)) needs \(client.exceptions.joined(separator: ", ")), allowed by its "
          + "[[client]]; last seen \(ago) ago", client: client.name)
    }
    if weak.count > AdminLimits.weakClientsShown {
      warnings.append(
        StatusReply.Warning(
          code: "client.weak",
          message: "and \(weak.count - AdminLimits.weakClientsShown) more weak clients: postern clients"))
    }
    warnings += unused.prefix(AdminLimits.weakClientsShown).map { client -> StatusReply.Warning in
      StatusReply.Warning(
        code: "client.unused",
        message: "[[client]] \(client.name) allows \(client.exceptions.joined(separator: ", ")), not needed since the "
          + "start", client: client.name)
    }
    if clearLogins > 0 {
      warnings.append(
        StatusReply.Warning(
          code: "client.auth-in-clear",
          message: "\(Humane.count(clearLogins, "login")) tried without TLS: the log names whose passwords to replace"))
    }
    return warnings
  }
}
