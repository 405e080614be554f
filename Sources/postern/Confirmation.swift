// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// The question before what cannot be taken back. It is put to the person at the terminal, never to a file or a pipe;
/// where nobody is, `--yes` has to stand on the line.
struct Confirmation: ~Copyable {
  private let terminal: Terminal

  /// More are confirmed by their number: a `y` comes off the fingers too easily.
  static let countForYes = 10

  /// nil: nobody can be asked, and it can be taken back.
  init?(for invocation: Invocation) throws(AdminError) {
    guard isatty(STDIN_FILENO) == 1, let terminal = Terminal() else {
      guard invocation.command.isFinal else { return nil }
      let isKept = invocation.command.name == .drop && !invocation.has(.now)
      let why = isKept ? "asks before it takes mail out of the queue" : "cannot be taken back"
      throw .usage(
        "unconfirmed", "'\(invocation.command.name.rawValue)' \(why), and nobody can be asked here",
        hint: "postern \(invocation.typed) --yes")
    }
    self.terminal = terminal
  }

  /// Returns if the answer is yes. `count` is how many things are meant.
  func ask(_ lines: [String], count: Int = 1) throws(AdminError) {
    for line in lines { terminal.write(line + "\n") }
    let isSmall = count <= Self.countForYes
    let question =
      isSmall ? "Go on? y, or Enter to cancel: " : "Type the number of messages to confirm, or Enter to cancel: "
    guard case .line(let answer) = terminal.readLine(prompt: question),
      Self.isYes(answer, count: isSmall ? nil : count)
    else { throw AdminError("console.cancelled", "cancelled, nothing was changed", exit: .no) }
  }

  /// `count` is nil where `y` is enough.
  private static func isYes(_ answer: String, count: Int?) -> Bool {
    let word = answer.filter { $0 != " " }
    guard let count else { return ["y", "Y", "yes"].contains(word) }
    return Int(word) == count
  }
}
