// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension ConfigurationReader {
  /// The providers of a later version, which an `[upstream.NAME]` may already be called after.
  private static let laterProviders: Set<String> = [
    "gmail", "gmail-relay", "m365", "ses", "sendgrid", "mailgun", "postmark", "fastmail",
  ]

  /// `[upstream.NAME]`, of which there is one in this version. All that are there are read and checked.
  func readOnlyUpstream() -> Configuration.Upstream {
    let tables = root.namedTables("upstream")
    let upstreams = tables.map { readUpstream($0.name, $0.table) }
    guard let first = tables.first else {
      if root.place(of: "upstream") == nil {
        findings.add(
          "there is no [upstream.NAME]: mail has nowhere to go", at: nil,
          hint: "this version needs exactly one, with at least its host")
      }
      return Configuration.Upstream(name: "")
    }
    for extra in tables.dropFirst() {
      let place = first.table.place.map { " at \($0.source.path):\($0.range.line)" } ?? ""
      extra.table.add(
        "\(extra.table.title) is one too many: this version has exactly one upstream",
        hint: "the first is \(first.table.title)\(place)")
    }
    return upstreams[0]
  }

  private func readUpstream(_ name: String, _ table: TableReader) -> Configuration.Upstream {
    var upstream = Configuration.Upstream(name: name)
    table.read("credential", .name, into: &upstream.credential)
    if Name.isValid(upstream.credential) { table.credential = upstream.credential }

    upstream.provider = Configuration.Upstream.Provider(rawValue: name) ?? .generic
    table.read("provider", .choice(later: Self.laterProviders), into: &upstream.provider)
    if let host = table.read("host", .host) { upstream.host = host }
    readSecurity(into: &upstream, table)
    readLogin(into: &upstream, table)
    table.read("max_connections", .integer(Limits.upstreamConnections), into: &upstream.maxConnections)
    table.read("max_per_connection", .integer(Limits.perConnection), into: &upstream.maxPerConnection)
    table.read("capture_directory", .path(from: directory), into: &upstream.captureDirectory)

    if upstream.provider == .generic { check(upstream, table) }
    return upstream
  }

  private func readSecurity(into upstream: inout Configuration.Upstream, _ table: TableReader) {
    let port = table.read("port", .integer(Limits.ports))
    let security: Configuration.Security? = table.read("tls", .choice())
    upstream.security = security ?? port.map { Configuration.Security(port: $0) } ?? upstream.security
    upstream.port = port ?? upstream.security.upstreamPort
    table.read("allow_insecure", .boolean, into: &upstream.allowInsecure)
    _ = table.read("tls_verify", ValueReader<Verification>.choice(later: ["pin", "dane"]))
    table.read("ca_file", .optionalPath(from: directory), into: &upstream.authorities)
  }

  private func readLogin(into upstream: inout Configuration.Upstream, _ table: TableReader) {
    upstream.username = table.read("username", .text(octetsMax: Limits.usernameOctetsMax))
    table.read(
      "auth", .choice(later: ["cram-md5", "scram-sha-256", "external", "xoauth2", "oauthbearer"]),
      into: &upstream.mechanism)
  }

  /// What a server needs, and what we never do to a password.
  private func check(_ upstream: Configuration.Upstream, _ table: TableReader) {
    if table.place(of: "host") == nil {
      let isPreset = Self.laterProviders.contains(upstream.name)
      table.add(
        "\(table.title) needs 'host'", hint: isPreset ? "the preset '\(upstream.name)' is not in this version" : nil)
    }
    switch upstream.mechanism {
    case .plain, .login:
      if table.place(of: "username") == nil {
        table.add("auth = \"\(upstream.mechanism.rawValue)\" needs 'username'", at: "auth")
      }
    case .auto, .none: break
    }
    guard upstream.security == .none else { return }
    if !upstream.allowInsecure {
      table.add(
        #"tls = "none" sends mail in clear and needs allow_insecure = true"#, at: "tls",
        hint: #"or use tls = "starttls", or "implicit""#)
    }
    if upstream.authenticates {
      table.add(
        #"tls = "none" cannot be used with a login: no password is ever sent in clear"#,
        at: table.place(of: "username") == nil ? "auth" : "username",
        hint: #"use tls, or remove 'username' and 'auth'"#)
    }
  }
}

/// `tls_verify`: there is no "off".
private enum Verification: String, CaseIterable {
  case full
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
