// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What a command did, in a line or two.
package enum OutcomeView {
  package static func lines(_ change: ChangeReply, style: Style) -> [String] {
    guard change.matched > 0 else { return ["no message matches"] }
    var lines = ["\(Humane.count(change.done, "message")) will be tried now"]
    let rest = change.matched - change.done
    if rest > 0 { lines[0] += ", \(Humane.count(rest, "message")) had nothing deferred" }
    lines += notes(change.notes ?? [], style: style)
    return lines
  }

  package static func lines(_ reload: ReloadReply, style: Style) -> [String] {
    ["reloaded: generation \(reload.generation) of the configuration is in force"]
      + reload.changed.map { "  \(TerminalText.escaped($0))" }
  }

  package static func lines(_ user: UserReply, style: Style) -> [String] {
    let name = TerminalText.escaped(user.user)
    var lines = [
      user.replaced
        ? "user '\(name)' exists in \(user.file): password replaced" : "user '\(name)' added to \(user.file)"
    ]
    if let password = user.password {
      lines.append("password: \(style.paint(password, .strong))   (shown once, it is not stored)")
    }
    if user.disabled { lines += notes(["the user is disabled, as before"], style: style) }
    return lines
  }

  /// What stands on stderr: the message, what stands around it, what to type.
  package static func lines(_ error: AdminError) -> [String] {
    ["error: \(TerminalText.escaped(error.message))"]
      + error.context.map { "  \(TerminalText.escaped($0))" }
      + (error.hint.map { ["  try: \(TerminalText.escaped($0))"] } ?? [])
  }

  private static func notes(_ notes: [String], style: Style) -> [String] {
    notes.map { "\(style.paint("!", .warning)) \(TerminalText.escaped($0))" }
  }
}
