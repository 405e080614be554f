// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the settings of one `[upstream.NAME]` must be to each other and to their provider, and what we never do to a
/// password.
struct UpstreamCheck {
  private let upstream: Configuration.Upstream
  private let preset: Preset
  private let saysOAuth: Bool
  private let table: TableReader
  private let presetNames: () -> [String]

  /// `saysOAuth`: the file has an `oauth` table that says something. `presetNames` are all that there are.
  init(
    _ upstream: Configuration.Upstream, saysOAuth: Bool, _ preset: Preset, _ table: TableReader,
    presetNames: @escaping () -> [String]
  ) {
    self.presetNames = presetNames
    self.upstream = upstream
    self.saysOAuth = saysOAuth
    self.preset = preset
    self.table = table
  }

  func run() {
    checkPlace()
    checkLogin()
    checkTokens()
    checkVerification()
    checkClearText()
    checkSenders()
    if let refusal = preset.refusals.first(where: { $0.matches(upstream) }) {
      let key = ["auth", "port", "tls"].first { table.place(of: $0) != nil }
      table.add(refusal.because, at: key, hint: "write \(refusal.instead)")
    }
  }

  private func checkPlace() {
    let hasRegions = !preset.regions.isEmpty || Template.holds(Template.region, preset.host ?? "")
    if table.place(of: "region") != nil, upstream.region != nil, !hasRegions {
      table.add("provider '\(preset.name)' has no regions", at: "region")
    }
    if table.place(of: "host") == nil {
      if upstream.host.isEmpty, !table.misspells("host") {
        let near = KnownKeys.nearest(to: upstream.name.lowercased(), among: presetNames())
        table.add("\(table.title) needs 'host'", hint: near.map { "did you mean [upstream.\($0.name)]?" })
      }
      if Template.holds(Template.region, upstream.host), table.place(of: "region") == nil {
        table.add("\(table.title) needs 'region'", hint: "it is part of the host's name: \(upstream.host)")
      }
    }
    if let address = upstream.sourceAddress, upstream.ipVersion != .any,
      address.isIPv4 != (upstream.ipVersion == .four)
    {
      table.add("\(address) is no address of IPv\(upstream.ipVersion.rawValue)", at: "source_address")
    }
  }

  private func checkLogin() {
    if table.place(of: "username") != nil, let fixed = preset.username, upstream.username != fixed {
      let isPassword = fixed == "{\(Template.password)}"
      table.add(
        "the user name at \(preset.name) is always \(isPassword ? "the password itself" : "'\(fixed)'")",
        at: "username",
        hint: "remove 'username'")
    }
    guard upstream.username == nil, !upstream.usernameIsPassword, table.place(of: "username") == nil,
      !table.misspells("username")
    else { return }
    switch upstream.mechanism {
    case .plain, .login, .cramMD5, .scramSHA256, .xoauth2, .oauthbearer:
      if table.place(of: "auth") != nil {
        table.add("auth = \"\(upstream.mechanism.rawValue)\" needs 'username'", at: "auth")
      } else {
        table.add("\(table.title) needs 'username'")
      }
    case .auto where upstream.oauth != nil || preset.needsUsername: table.add("\(table.title) needs 'username'")
    case .auto, .external, .none: break
    }
  }

  private func checkTokens() {
    switch upstream.mechanism {
    case .xoauth2, .oauthbearer:
      guard !saysOAuth else { return }
      let tenant = preset.oauth?.needsTenant == true ? #"tenant = "example.com", "# : ""
      let who = table.place(of: "auth") == nil ? table.title : "auth = \"\(upstream.mechanism.rawValue)\""
      table.add(
        "\(who) needs 'oauth'", at: "auth",
        hint: #"as in oauth = { \#(tenant)client_id = "…" }"#)
    case .plain, .login, .cramMD5, .scramSHA256, .external, .none:
      guard upstream.oauth != nil else { return }
      table.add(
        "auth = \"\(upstream.mechanism.rawValue)\" has no use for 'oauth'", at: "oauth",
        hint: #"use auth = "xoauth2" or "oauthbearer", or remove 'oauth'"#)
    case .auto: break
    }
  }

  private func checkVerification() {
    guard upstream.verification == .full, !upstream.pins.isEmpty else { return }
    table.add(#"'tls_pins' is only for tls_verify = "pin""#, at: "tls_pins", hint: #"write tls_verify = "pin""#)
  }

  private func checkClearText() {
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
    for key in ["tls_verify", "client_certificate"] where table.place(of: key) != nil {
      guard key == "tls_verify" ? upstream.verification == .pin : upstream.clientCertificate != nil else { continue }
      table.add(#"'\#(key)' has no use with tls = "none""#, at: key)
    }
  }

  private func checkSenders() {
    guard let rewrite = upstream.rewrite else { return }
    if upstream.senders.contains(.any), upstream.nullSender == .keep {
      table.add(
        "'rewrite' has no use: this upstream takes every sender", at: "rewrite",
        hint: #"say which ones it takes, as in senders = ["\#(rewrite)"]"#)
    }
    guard !upstream.accepts(sender: rewrite) else { return }
    table.add(
      "'rewrite' is '\(rewrite)', which is none of 'senders'", at: "rewrite",
      hint: "what others become must itself be accepted")
  }
}
