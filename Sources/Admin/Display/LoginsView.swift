// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The table of `users list`.
package struct LoginsView: Sendable {
  private var table: Table
  private let now: Timestamp
  private var isEmpty = true

  package init(now: Timestamp, style: Style) {
    table = Table(["NAME", "STATE", "LAST LOGIN", "FROM"], style: style)
    self.now = now
  }

  package mutating func add(_ login: LoginReply) -> [String] {
    isEmpty = false
    return table.add([
      login.user, login.disabled ? "disabled" : "ok", Self.ago(login.lastLogin, now: now, never: "not since the start"),
      login.lastAddress ?? "-",
    ])
  }

  package mutating func finish() -> [String] {
    isEmpty ? ["nobody can log in; give somebody a login: postern users add NAME"] : table.finish()
  }

  static func ago(_ time: Timestamp?, now: Timestamp, never: String) -> String {
    guard let time else { return never }
    return Humane.longSpan(seconds: Int((now.milliseconds - time.milliseconds) / 1000)) + " ago"
  }
}

/// The table of `creds list`.
package struct CredentialsView: Sendable {
  private var table: Table
  private let now: Timestamp
  private var isEmpty = true
  private var notes: [String] = []

  package init(now: Timestamp, style: Style) {
    table = Table(["UPSTREAM", "LOGIN", "KIND", "STATE", "SET", "LAST WORKED", "SOURCE"], style: style)
    self.now = now
  }

  package mutating func add(_ credential: CredentialReply) -> [String] {
    isEmpty = false
    defer { noteTokens(credential) }
    let set = LoginsView.ago(credential.set, now: now, never: "-")
    return table.add([
      credential.upstream, credential.login ?? "-", credential.kind, credential.state,
      set + (credential.setBy.map { " by \($0)" } ?? ""),
      LoginsView.ago(credential.lastSuccess, now: now, never: "not since the start"), credential.source ?? "-",
    ])
  }

  package mutating func finish() -> [String] {
    (isEmpty ? ["no upstream wants a login"] : table.finish()) + notes
  }

  /// What a row has no column for.
  private mutating func noteTokens(_ credential: CredentialReply) {
    var facts: [String] = []
    if let account = credential.account { facts.append("signed in as \(account)") }
    if let renewed = credential.renewed {
      facts.append("renewed \(LoginsView.ago(renewed, now: now, never: "-"))")
    }
    if let ends = credential.tokenEnds, ends.milliseconds > now.milliseconds {
      let seconds = Int((ends.milliseconds - now.milliseconds) / 1000)
      facts.append("the token in hand ends in \(Humane.longSpan(seconds: seconds))")
    }
    if let ends = credential.ends {
      let seconds = Int((ends.milliseconds - now.milliseconds) / 1000)
      facts.append(
        seconds < 0 ? "the certificate has ended" : "the certificate ends in \(Humane.longSpan(seconds: seconds))")
    }
    if let trouble = credential.trouble { facts.append(trouble) }
    guard !facts.isEmpty else { return }
    notes.append(TerminalText.escaped("\(credential.upstream): \(facts.joined(separator: "; "))"))
  }
}
