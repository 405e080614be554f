// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

/// Where the console gets its lines: an editor on a terminal that can be painted, the kernel's own on any other.
protocol LineReader: AnyObject {
  func readLine(_ prompt: PromptText) -> Terminal.Answer
  /// What Up and Down go through.
  func remember(_ history: CommandHistory)
}

/// What the console knows about a line that is being typed; `line` ends at the cursor.
protocol LineAssistant: AnyObject {
  func complete(_ line: String) -> TabCompletion
  /// For Tab where there is a choice.
  func list(_ candidates: [CandidateReply]) -> [String]
  /// For `?`.
  func explain(_ line: String) -> [String]
}

/// For a terminal without abilities (TERM=dumb), or where the answers go elsewhere.
final class PlainLineReader: LineReader {
  private let terminal: Terminal

  init?() {
    guard let terminal = Terminal() else { return nil }
    self.terminal = terminal
  }

  func readLine(_ prompt: PromptText) -> Terminal.Answer { terminal.readLine(prompt: prompt.plain) }

  func remember(_ history: CommandHistory) {}
}
