// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What stands in front of the line that is being typed: level, state of the upstream, messages in the queue.
package struct PromptText: Sendable, Equatable {
  private var parts: [(text: String, tone: Style.Tone?)] = []

  /// `status` is nil if the daemon cannot be reached.
  package init(_ status: StatusReply?, level: Command.Level?) {
    parts.append((level.map { $0 == .admin ? "postern" : "postern(\($0.rawValue))" } ?? "postern", nil))
    guard let status else {
      parts = [("postern> ", nil)]
      return
    }
    if status.pauses.contains(where: { $0.side == "in" }) { parts.append((" in:paused", .bad)) }
    let outPaused = status.pauses.contains { $0.side == "out" }
    if outPaused { parts.append((" out:paused", .bad)) }
    // Of several the one that somebody should look at.
    if let upstream = status.upstreams.first(where: { Self.tone($0.state) != .good }) ?? status.upstreams.first {
      parts.append((" " + TerminalText.escaped("\(upstream.name):\(upstream.state)"), Self.tone(upstream.state)))
    }
    let stuck = status.queue.failed + status.queue.quarantined > 0
    parts.append((" q:\(status.queue.total)", stuck ? .warning : nil))
    parts.append(("> ", nil))
  }

  /// Without colour.
  package var plain: String { parts.map(\.text).joined() }

  /// With colour, each sequence between two of `mark`, so that an editor of lines does not count its octets as width.
  /// Two sequences in a row would be one too many for libedit: it hangs each on the character behind it.
  package func painted(mark: Character) -> String {
    var text = ""
    var current: Style.Tone?
    for part in parts {
      if part.tone != current {
        let end = current == nil ? "" : "\u{1B}[0m"
        let start = part.tone.map { "\u{1B}[\($0.rawValue)m" } ?? ""
        text += "\(mark)\(end)\(start)\(mark)"
      }
      text += part.text
      current = part.tone
    }
    return text
  }

  private static func tone(_ state: String) -> Style.Tone {
    switch state {
    case "ok", "standby": .good
    case "slow": .warning
    default: .bad
    }
  }

  package static func == (left: PromptText, right: PromptText) -> Bool {
    left.parts.elementsEqual(right.parts) { $0.text == $1.text && $0.tone == $1.tone }
  }
}
