// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What a command did, in a line or two.
package enum OutcomeView {
  package static func lines(_ reload: ReloadReply, style: Style) -> [String] {
    ["reloaded: generation \(reload.generation) of the configuration is in force"]
      + reload.changed.map { "  \(TerminalText.escaped($0))" }
  }

  package static func lines(_ user: UserReply, style: Style) -> [String] {
    let name = TerminalText.escaped(user.user)
    var lines: [String]
    switch user.verb {
    case "disable": lines = ["user '\(name)' is disabled"]
    case "enable": lines = ["user '\(name)' is enabled"]
    case "remove": lines = ["user '\(name)' removed from \(user.file)"]
    case "passwd": lines = ["password of user '\(name)' replaced in \(user.file)"]
    default:
      lines = [
        user.replaced
          ? "user '\(name)' exists in \(user.file): password replaced" : "user '\(name)' added to \(user.file)"
      ]
    }
    if let password = user.password {
      lines.append("password: \(style.paint(password, .strong))   (shown once, it is not stored)")
    }
    if user.disabled, user.verb != "disable" {
      lines.append("\(style.paint("!", .warning)) the user is disabled, as before")
    }
    return lines
  }

  /// What to do in a browser; the code stands alone, to be read over the telephone.
  package static func lines(_ signIn: SignInReply, now: Timestamp, style: Style) -> [String] {
    let minutes = max(1, Int((signIn.ends.milliseconds - now.milliseconds + 30_000) / 60_000))
    return [
      "open   \(style.paint(TerminalText.escaped(signIn.address), .strong))   with any browser, on any machine",
      "enter  \(style.paint(TerminalText.escaped(signIn.code), .strong))   and sign in as the mailbox that mail goes out from",
      "waiting, for \(Humane.count(minutes, "minute")) at most ...",
    ]
  }

  package static func lines(_ change: CredentialChangeReply, style: Style) -> [String] {
    var lines: [String] = []
    if change.verb == "login" { lines.append("signed in\(change.account.map { " as \($0)" } ?? "")") }
    if change.tested {
      let time = change.milliseconds.map { "  (\(Double(($0 + 50) / 100) / 10) s)" } ?? ""
      lines.append("login at \(change.upstream): ok   \(change.reply ?? "")\(time)")
    } else {
      lines.append("stored as it is; nobody has tried it at \(change.upstream)")
    }
    if change.verb == "login" { lines.append("kept by posternd, and renewed by itself") }
    if let stored = change.stored { lines.append("kept in \(stored)") }
    if change.verb == "test" {
      if change.released > 0 { lines.append("\(Humane.count(change.released, "message")) may leave now") }
    } else if change.live {
      let released = change.released == 0 ? "" : ". \(Humane.count(change.released, "message")) may leave now"
      lines.append("in force now, without a restart\(released)")
    } else {
      lines.append("posternd is not running: it takes effect at the next start")
    }
    return lines.map { TerminalText.escaped($0) }
      + (change.notes ?? []).map { "\(style.paint("!", .warning)) \(TerminalText.escaped($0))" }
  }

  /// What stands on stderr: the message, what stands around it, what to type.
  package static func lines(_ error: AdminError) -> [String] {
    ["error: \(TerminalText.escaped(error.message))"]
      + error.context.map { "  \(TerminalText.escaped($0))" }
      + (error.hint.map { ["  try: \(TerminalText.escaped($0))"] } ?? [])
  }
}
