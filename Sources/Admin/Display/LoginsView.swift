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

  package init(now: Timestamp, style: Style) {
    table = Table(["UPSTREAM", "LOGIN", "KIND", "STATE", "SET", "LAST WORKED", "SOURCE"], style: style)
    self.now = now
  }

  package mutating func add(_ credential: CredentialReply) -> [String] {
    isEmpty = false
    let set = LoginsView.ago(credential.set, now: now, never: "-")
    return table.add([
      credential.upstream, credential.login ?? "-", credential.kind, credential.state,
      set + (credential.setBy.map { " by \($0)" } ?? ""),
      LoginsView.ago(credential.lastSuccess, now: now, never: "not since the start"), credential.source ?? "-",
    ])
  }

  package mutating func finish() -> [String] {
    isEmpty ? ["no upstream wants a login"] : table.finish()
  }
}
