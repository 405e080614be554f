// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Reads the file of one provider.
struct PresetReader {
  typealias Limits = ConfigurationLimits

  let table: TableReader

  /// `name` is the file's, without its suffix.
  func read(_ name: String) -> Preset {
    var preset = Preset(name: name)
    preset.host = table.read("host", .template([Template.region]) { Name.isDomain($0) })
    preset.regions = table.tables("region").compactMap { table in
      guard let name = table.read("name", .name), let host = table.read("host", .host) else {
        table.add("[[region]] needs 'name' and 'host'")
        return nil
      }
      return (name, host)
    }
    table.read("port", .integer(Limits.ports), into: &preset.defaults.port)
    preset.defaults.security = Configuration.Security(port: preset.defaults.port)
    table.read("tls", .choice(), into: &preset.defaults.security)
    readLogin(into: &preset)
    readAmounts(into: &preset.defaults)
    preset.senders =
      table.read(
        "senders",
        .list(
          of: .template([Template.account]) { sender in
            MailboxPattern(sender) != nil
          }, "senders")) ?? []
    table.read("null_sender", .choice(), into: &preset.defaults.nullSender)
    preset.helo = table.read("helo", .template([Template.accountDomain]) { Name.isDomain($0) })
    preset.refusals = table.tables("refuse").map(readRefusal)
    return preset
  }

  private func readLogin(into preset: inout Preset) {
    preset.username = table.read(
      "username", .template([Template.password]) { $0.utf8.count <= Limits.usernameOctetsMax })
    table.read("needs_username", .boolean, into: &preset.needsUsername)
    table.read("auth", .choice(), into: &preset.defaults.mechanism)
    table.read("strip_spaces", .boolean, into: &preset.defaults.stripsPasswordSpaces)
    let oauth = table.table("oauth")
    let url = ValueReader<String>.template([Template.tenant]) { HTTPSAddress($0) != nil }
    let deviceURL = oauth.read("device_url", url)
    let scope = oauth.read("scope", .text(octetsMax: Limits.scopeOctetsMax)) ?? ""
    let deviceScope = oauth.read("device_scope", .text(octetsMax: Limits.scopeOctetsMax)) ?? scope
    if let tokenURL = oauth.read("token_url", url) {
      preset.oauth = Preset.OAuth(tokenURL: tokenURL, deviceURL: deviceURL, scope: scope, deviceScope: deviceScope)
    } else if oauth.place != nil {
      oauth.add("[oauth] needs 'token_url'")
    }
  }

  private func readAmounts(into defaults: inout Configuration.Upstream) {
    table.read("max_connections", .integer(Limits.upstreamConnections), into: &defaults.maxConnections)
    table.read("max_per_connection", .integer(Limits.perConnection), into: &defaults.maxPerConnection)
    table.read("rate", .rateOrNone, into: &defaults.rate)
    table.read("quota", .quotaOrNone, into: &defaults.quota)
  }

  private func readRefusal(_ table: TableReader) -> Preset.Refusal {
    let because = table.read("because", .text(octetsMax: Limits.adviceOctetsMax))
    let instead = table.read("instead", .text(octetsMax: Limits.adviceOctetsMax))
    let refusal = Preset.Refusal(
      port: table.read("port", .integer(Limits.ports)), security: table.read("tls", .choice()),
      mechanism: table.read("auth", .choice()), because: because ?? "", instead: instead ?? "")
    if because == nil || instead == nil { table.add("[[refuse]] needs 'because' and 'instead'") }
    if refusal.port == nil, refusal.security == nil, refusal.mechanism == nil {
      table.add("[[refuse]] needs 'port', 'tls' or 'auth': what is refused")
    }
    return refusal
  }
}

extension KnownKeys {
  /// Of the file of a provider.
  static let preset = KnownKeys(
    tables: [
      (
        "",
        [
          "host", "region", "port", "tls", "username", "needs_username", "auth", "strip_spaces", "oauth", "senders",
          "null_sender", "helo", "max_connections", "max_per_connection", "rate", "quota", "refuse",
        ]
      ),
      ("region", ["name", "host"]),
      ("oauth", ["token_url", "device_url", "scope", "device_scope"]),
      ("refuse", ["port", "tls", "auth", "because", "instead"]),
    ],
    later: [:],
    valuesAtTop: [
      "host", "port", "tls", "username", "needs_username", "auth", "strip_spaces", "senders", "null_sender", "helo",
      "max_connections", "max_per_connection", "rate", "quota",
    ])
}

extension ValueReader where Value == String {
  /// Text that is valid with a word in the place of each of these variables.
  fileprivate static func template(_ variables: [String], _ isValid: @escaping (String) -> Bool) -> Self {
    let examples = Dictionary(uniqueKeysWithValues: variables.map { ($0, $0 == Template.account ? "a@b" : "a.b") })
    let names = KnownKeys.list(variables.map { "{\($0)}" }, last: "or")
    return .string("a value of its kind, which may hold \(names)") { text in
      let filled = Template.fill(text, examples)
      guard !text.isEmpty, terminalSafe(text) == text, !filled.contains("{"), isValid(filled) else { return nil }
      return text
    }
  }
}
