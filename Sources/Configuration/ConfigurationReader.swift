// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Reads every key of this version, table by table, and checks what keys must be to each other.
///
/// Problems go to the findings; the value is whole and valid only if there are none.
struct ConfigurationReader {
  typealias Place = ConfigurationDocument.Place
  typealias Limits = ConfigurationLimits

  let root: TableReader
  /// Where relative paths start.
  let directory: String
  let presets: PresetFiles
  let findings: Findings
  private let located = ValueReader<Located<Network>>.located(.network)

  init(root: TableReader, directory: String, presets: PresetFiles, findings: Findings) {
    self.root = root
    self.directory = directory
    self.presets = presets
    self.findings = findings
  }

  func read(systemHostname: () -> String) -> Configuration {
    let upstreams = readUpstreams()
    var configuration = Configuration(hostname: readHostname(systemHostname), upstreams: upstreams)
    configuration.clients = readClients()
    configuration.clientsFile = root.place(of: "client")?.source.path
    configuration.routes = readRoutes(upstreams, clients: configuration.clients.map(\.name))
    root.read("postmaster", .optionalAddress, into: &configuration.postmaster)
    let listeners = readListeners()
    configuration.listeners = listeners.map(\.listener)
    configuration.namesListeners = listeners.contains { $0.place != nil }
    readAccess(into: &configuration.access)
    readSender(into: &configuration.sender)
    readMessage(into: &configuration.message)
    readQueue(into: &configuration.queue)
    root.table("bounce").read("to", .choice(), into: &configuration.bounce.to)
    readTLS(into: &configuration.tls, for: listeners)
    readControl(into: &configuration.control)
    root.table("log").read("level", .choice(), into: &configuration.log.level)
    return configuration
  }

  private func readHostname(_ systemHostname: () -> String) -> String {
    let written = root.read("hostname", .string(#"a domain name, or "auto""#) { Name.isDomain($0) ? $0 : nil })
    if let written, written != "auto" { return written }
    let own = systemHostname()
    if written != nil || root.place(of: "hostname") == nil, !Name.isDomain(own) {
      root.add(
        "the name of this host, '\(own)', is not a domain name", at: "hostname",
        hint: #"set hostname = "gate.example.com""#)
    }
    return own
  }

  private func readAccess(into access: inout Configuration.Access) {
    let table = root.table("access")
    table.read("auth_failures", .rateOrOff, into: &access.authFailures)
    table.read("users_file", .path(from: directory), into: &access.usersFile)
    table.read("deny", .list(of: .network, "networks"), into: &access.deny)
    let mayBePublic = table.read("allow_public_trusted", .boolean) ?? false
    guard let trusted = table.read("trusted", .list(of: located, "networks")) else { return }
    for network in trusted where !network.value.isPrivate {
      if network.value.isVast {
        findings.add("\(network.value) is a good part of the world: nobody's own network", at: network.place)
        continue
      }
      if mayBePublic { continue }
      findings.add(
        "\(network.value) is not a private network: strangers would need no login", at: network.place,
        hint: network.value.isOneAddress
          ? #"for one address: a [[client]] with allow = ["no-auth"]"#
          : "if it is all yours: allow_public_trusted = true")
    }
    access.trusted = trusted.map(\.value)
  }

  private func readMessage(into message: inout Configuration.Message) {
    let table = root.table("message")
    table.read("max_size", .size(Limits.messageOctets), into: &message.maxSize)
    table.read("max_recipients", .integer(Limits.recipients), into: &message.maxRecipients)
  }

  private func readQueue(into queue: inout Configuration.Queue) {
    let table = root.table("queue")
    table.read("directory", .path(from: directory), into: &queue.directory)
    table.read("lifetime", .duration, into: &queue.lifetime)
    table.read("warn_after", .durationOrNever, into: &queue.warnAfter)
    table.read("history_keep", .durationOrNone, into: &queue.historyKeep)
    table.read("dropped_keep", .duration, into: &queue.droppedKeep)
    table.read("min_free", .size(Limits.freeOctets), into: &queue.minFree)
    table.read("max_messages", .integer(Limits.messages), into: &queue.maxMessages)
    guard let retry = table.read("retry", .list(of: .duration, #"durations such as ["1m", "5m"]"#)) else { return }
    if retry.isEmpty || retry.count > Limits.retrySteps {
      table.add("'retry' must have 1-\(Limits.retrySteps) durations, not \(retry.count)", at: "retry")
    } else {
      queue.retry = retry
    }
  }

  private func readTLS(
    into tls: inout Configuration.ServerTLS, for listeners: [(listener: Configuration.Listener, place: Place?)]
  ) {
    let table = root.table("tls")
    table.read("certificate", .path(from: directory), into: &tls.certificate)
    table.read("key", .path(from: directory), into: &tls.key)
    table.read("minimum", .choice(), into: &tls.minimum)
    table.read("client_ca", .optionalPath(from: directory), into: &tls.clientAuthorities)
    let missing = ["certificate", "key"].filter { table.place(of: $0) == nil }
    guard let first = missing.first else { return }
    if missing.count == 1 {
      let other = first == "key" ? "certificate" : "key"
      table.add("[tls] has a '\(other)' and no '\(first)'", at: other, hint: "set '\(first)', a PEM file, beside it")
    } else if let needy = listeners.first(where: { $0.listener.security != .none }) {
      let listener = needy.listener
      findings.add(
        "listener '\(listener.name)' (port \(listener.port), \(listener.security.rawValue)) needs a certificate",
        at: table.place ?? needy.place,
        hint: "set certificate and key, two PEM files, in [tls]")
    }
  }

  private func readControl(into control: inout Configuration.Control) {
    let table = root.table("control")
    table.read("directory", .path(from: directory), into: &control.directory)
    if control.directory.utf8.count > Limits.controlDirectoryOctetsMax {
      table.add(
        "the path of [control] directory is too long for a socket (\(Limits.controlDirectoryOctetsMax) octets at most)",
        at: "directory")
    }
  }

  private func readClients() -> [Configuration.Client] {
    var names: Set<String> = []
    var addresses: [Network: String] = [:]
    return root.tables("client").compactMap { table in
      let name = required("name", .name, of: table)
      let networks = required("address", .oneOrMore(of: located, "addresses and networks"), of: table)
      let exception = ValueReader<Configuration.Client.Exception>.choice()
      let exceptions = Set(table.read("allow", .list(of: exception, #"exceptions such as ["no-auth"]"#)) ?? [])
      guard let name, let networks else { return nil }
      if !names.insert(name).inserted {
        table.add("a second [[client]] has the name '\(name)'", at: "name")
      }
      for network in networks {
        if let other = addresses.updateValue(name, forKey: network.value) {
          findings.add("[[client]] '\(other)' has the address \(network.value) too", at: network.place)
        }
        if exceptions.contains(.noAuth), !network.value.isPrivate, !network.value.isOneAddress {
          findings.add(
            "\(network.value) is not a private network: strangers would need no login", at: network.place,
            hint: "no-auth outside private networks is for single addresses")
        }
      }
      var client = Configuration.Client(name: name, addresses: networks.map(\.value), allow: exceptions)
      table.read("from", .optionalAddress, into: &client.from)
      table.read("allow_to", .oneOrMore(of: .sender, "addresses and domains"), into: &client.allowTo)
      table.read("rate", .rateOrNone, into: &client.rate)
      return client
    }
  }

  private func readSender(into sender: inout Configuration.Sender) {
    let table = root.table("sender")
    table.read("policy", .choice(), into: &sender.policy)
    table.read("allowed", .list(of: .sender, "addresses and domains"), into: &sender.allowed)
    table.read("received_header", .choice(), into: &sender.receivedHeader)
    if sender.policy == .listed, sender.allowed.isEmpty {
      table.add(
        #"policy = "listed" allows nobody to send without 'allowed'"#, at: "policy",
        hint: #"allowed = ["@example.com"], say"#)
    }
    if sender.policy == .any, !sender.allowed.isEmpty {
      table.add(
        #"'allowed' does nothing under policy = "any""#, at: "allowed", hint: #"set policy = "listed", or "own""#)
    }
  }

  /// The value of a key that has no default; its absence is a problem.
  func required<Value>(_ key: String, _ reader: ValueReader<Value>, of table: TableReader) -> Value? {
    if table.place(of: key) == nil { table.add("\(table.title) needs '\(key)'") }
    return table.read(key, reader)
  }
}
