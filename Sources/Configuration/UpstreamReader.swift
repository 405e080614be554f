// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Reads one `[upstream.NAME]` over the preset of its provider. What the settings must be to each other is checked by
/// `UpstreamCheck`.
struct UpstreamReader {
  typealias Limits = ConfigurationLimits
  typealias Upstream = Configuration.Upstream

  private let reader: ConfigurationReader
  private let table: TableReader
  private let name: String

  init(_ reader: ConfigurationReader, name: String, _ table: TableReader) {
    self.reader = reader
    self.table = table
    self.name = name
  }

  func read() -> Upstream {
    let preset = readPreset()
    var upstream = preset.defaults
    (upstream.name, upstream.credential) = (name, name)
    table.read("credential", .name, into: &upstream.credential)
    if Name.isValid(upstream.credential) { table.credential = upstream.credential }

    readPlace(into: &upstream, preset)
    readSecurity(into: &upstream, preset)
    readLogin(into: &upstream, preset)
    let saysOAuth = readOAuth(into: &upstream, preset.oauth)
    readSenders(into: &upstream, preset)
    readAmounts(into: &upstream)
    table.read("capture_directory", .path(from: reader.directory), into: &upstream.captureDirectory)

    if !upstream.isCapture, !preset.isDamaged {
      UpstreamCheck(upstream, saysOAuth: saysOAuth, preset, table, presetNames: reader.presets.names).run()
    }
    return upstream
  }

  /// The table's name is the preset's too, unless `provider` says otherwise.
  private func readPreset() -> Preset {
    let presets = reader.presets
    let provider = ValueReader<Preset> { node, problems in
      if case .string(let text) = node.value, let preset = presets.preset(named: text) { return preset }
      let names = presets.names()
      var hint: String?
      if case .string(let text) = node.value {
        hint = KnownKeys.nearest(to: text.lowercased(), among: names).map { #"did you mean "\#($0.name)"?"# }
      }
      let accepted = KnownKeys.list(names.map { #""\#($0)""# }, last: "or")
      problems.append(ValueProblem(node, mustBe: accepted, hint: hint))
      return nil
    }
    if let preset = table.read("provider", provider) { return preset }
    if table.place(of: "provider") != nil {
      // Which one was meant is not known, so what follows from it is not told.
      var preset = Preset(name: "generic")
      preset.isDamaged = true
      return preset
    }
    return presets.preset(named: name) ?? presets.preset(named: "generic") ?? Preset(name: "generic")
  }

  private func readPlace(into upstream: inout Upstream, _ preset: Preset) {
    let regions = preset.regions
    let accepted =
      regions.isEmpty
      ? #"a region such as "eu-central-1""# : KnownKeys.list(regions.map { "\"\($0.name)\"" }, last: "or")
    let region = ValueReader<String?>.string(accepted) { text in
      if text.isEmpty { return .some(nil) }
      let isKnown = regions.isEmpty ? Name.isDomain(text) && !text.contains(".") : regions.contains { $0.name == text }
      return isKnown ? .some(text) : nil
    }
    upstream.region = table.read("region", region) ?? nil
    if let region = upstream.region {
      upstream.host =
        regions.first { $0.name == region }?.host ?? Template.fill(preset.host ?? "", [Template.region: region])
    } else {
      upstream.host = preset.host ?? ""
    }
    table.read("host", .host, into: &upstream.host)
    table.read("ip_version", .ipVersion, into: &upstream.ipVersion)
    table.read("source_address", .optionalIPAddress, into: &upstream.sourceAddress)
  }

  private func readSecurity(into upstream: inout Upstream, _ preset: Preset) {
    let port = table.read("port", .integer(Limits.ports))
    let security: Configuration.Security? = table.read("tls", .choice())
    if let security, security != upstream.security, port == nil { upstream.port = security.upstreamPort }
    if let port { upstream.port = port }
    upstream.security = security ?? port.map { Configuration.Security(port: $0) } ?? upstream.security
    table.read("allow_insecure", .boolean, into: &upstream.allowInsecure)
    table.read("tls_verify", .choice(later: ["dane"]), into: &upstream.verification)
    let pins = table.read("tls_pins", .list(of: .pin, "pins"))
    upstream.pins = pins ?? []
    if upstream.verification == .pin, pins?.isEmpty ?? (table.place(of: "tls_pins") == nil) {
      table.add(#"tls_verify = "pin" needs 'tls_pins'"#, at: "tls_verify")
    }
    table.read("ca_file", .optionalPath(from: reader.directory), into: &upstream.authorities)
    table.read("client_certificate", .optionalPath(from: reader.directory), into: &upstream.clientCertificate)
  }

  private func readLogin(into upstream: inout Upstream, _ preset: Preset) {
    upstream.username = table.read("username", .text(octetsMax: Limits.usernameOctetsMax))
    switch preset.username {
    case "{\(Template.password)}": upstream.usernameIsPassword = upstream.username == nil
    case let username?: upstream.username = upstream.username ?? username
    case nil: break
    }
    table.read("auth", .choice(), into: &upstream.mechanism)
    let helo = preset.helo.map { helo in
      Template.fill(helo, [Template.accountDomain: upstream.account.map { String($0.domain) } ?? ""])
    }
    upstream.helo = helo.flatMap { Name.isDomain($0) ? $0 : nil }
    table.read("helo", .optionalDomain, into: &upstream.helo)
  }

  /// Empty texts are as if they were not there. Whether anything is there.
  private func readOAuth(into upstream: inout Upstream, _ preset: Preset.OAuth?) -> Bool {
    let table = table.table("oauth")
    table.credential = upstream.credential
    let label = ValueReader<String?>.string("a name or number of letters, digits, '-' and '.', or \"\"") { text in
      text.isEmpty ? .some(nil) : Name.isValid(text) ? .some(text) : nil
    }
    /// `isMissing`: absent or empty, and not just wrong.
    func field<Value>(_ key: String, _ reader: ValueReader<Value?>) -> (value: Value?, isMissing: Bool) {
      let read = table.read(key, reader)
      return (read ?? nil, read.map { $0 == nil } ?? (table.place(of: key) == nil))
    }
    let tenant = field("tenant", label)
    let client = field("client_id", .optionalText(octetsMax: Limits.usernameOctetsMax))
    let token = field("token_url", .optionalURL)
    let device = field("device_url", .optionalURL)
    let scope = field("scope", .optionalText(octetsMax: Limits.scopeOctetsMax))
    if [tenant.isMissing, client.isMissing, token.isMissing, device.isMissing, scope.isMissing].allSatisfy({ $0 }) {
      return false
    }
    if client.isMissing { table.add("\(table.title) needs 'client_id'") }
    if tenant.isMissing, token.isMissing, preset?.needsTenant == true {
      table.add(
        "\(table.title) needs 'tenant'", hint: #"the organization's domain or ID, as in tenant = "example.com""#)
    }
    func known(_ url: String?) -> HTTPSAddress? {
      url.flatMap { HTTPSAddress(Template.fill($0, [Template.tenant: tenant.value ?? "none"])) }
    }
    guard let tokenURL = token.value ?? known(preset?.tokenURL) else {
      if token.isMissing { table.add("\(table.title) needs 'token_url'") }
      return true
    }
    upstream.oauth = Configuration.OAuth(
      tenant: tenant.value, clientID: client.value ?? "", tokenURL: tokenURL,
      deviceURL: device.value ?? known(preset?.deviceURL), scope: scope.value ?? preset?.scope ?? "",
      deviceScope: scope.value ?? preset?.deviceScope ?? "")
    return true
  }

  private func readSenders(into upstream: inout Upstream, _ preset: Preset) {
    let account = upstream.account?.text ?? ""
    let known = preset.senders.compactMap {
      MailboxPattern(Template.fill($0, [Template.account: account]))
    }
    if !known.isEmpty { upstream.senders = known }
    if upstream.username != nil, upstream.account == nil, table.place(of: "senders") == nil,
      preset.senders.contains(where: { Template.holds(Template.account, $0) })
    {
      table.add(
        "'username' must be an address here: \(preset.name) takes mail of the account only", at: "username",
        hint: #"or say which senders it takes, as in senders = ["alerts@example.com"]"#)
    }
    table.read("senders", .oneOrMore(of: .sender, "senders"), into: &upstream.senders)
    if !upstream.senders.contains(.any) {
      upstream.rewrite = upstream.senders.lazy.compactMap { if case .address(let own) = $0 { own } else { nil } }.first
    }
    table.read("rewrite", .optionalAddress, into: &upstream.rewrite)
    table.read("null_sender", .choice(), into: &upstream.nullSender)
  }

  private func readAmounts(into upstream: inout Upstream) {
    table.read("priority", .integer(Limits.priorities), into: &upstream.priority)
    table.read("max_connections", .integer(Limits.upstreamConnections), into: &upstream.maxConnections)
    table.read("max_per_connection", .integer(Limits.perConnection), into: &upstream.maxPerConnection)
    table.read("rate", .rateOrNone, into: &upstream.rate)
    table.read("quota", .quotaOrNone, into: &upstream.quota)
  }
}

extension Configuration.Security {
  /// The port of an upstream whose file gives only `tls`.
  fileprivate var upstreamPort: Int {
    switch self {
    case .implicit: 465
    case .starttls: 587
    case .none: 25
    }
  }
}
