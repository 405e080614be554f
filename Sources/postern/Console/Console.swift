// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// `postern` on a terminal: reads a line, runs it, and shows in its prompt how the gateway is. It stays when the daemon
/// goes, and finds it again when it is back.
final class Console: LineAssistant {
  private let runner: CommandRunner
  private let output: Output
  private let file = HistoryFile()
  private var history = CommandHistory()
  private var isHistoryKept = true
  /// Somebody has said already that the daemon cannot be reached.
  private var isLossTold = false

  /// Whoever is at the keyboard waits with their hands off it for so long.
  private static let promptSecondsMax = 3

  init(_ runner: CommandRunner) {
    self.runner = runner
    output = Output(runner.global)
  }

  func run() -> ExitCode {
    Self.setLocale()
    Interruption.install()
    guard let reader = makeReader() else {
      return runner.fail(.usage("no_terminal", "the console needs a terminal")).exit
    }
    history = file?.read() ?? history
    reader.remember(history)
    let help = reader is LineEditor ? "Type ? for help at any point, Tab completes" : "End a line with ? for help"
    say(["postern \(Product.version) console. \(help), Ctrl-D leaves."])
    while true {
      let prompt = prompt()
      // From here on: a Ctrl-C that comes when the line is finished and its command not yet begun is for the command.
      Interruption.begin()
      switch reader.readLine(prompt) {
      case .end: return .ok
      case .cancelled: continue
      case .line(let line):
        keep(line, reader)
        if isLast(line) { return .ok }
        if !runner.daemon.isConnected { isLossTold = true }
      }
    }
  }

  private func makeReader() -> (any LineReader)? {
    let terminal = getenv("TERM").map { String(cString: $0) } ?? ""
    guard isatty(STDOUT_FILENO) == 1, terminal != "", terminal != "dumb",
      let editor = LineEditor(assistant: self, color: output.style.color)
    else { return PlainLineReader() }
    return editor
  }

  /// libedit drops what is not of the locale's characters, and addresses are UTF-8 wherever they come from.
  private static func setLocale() {
    if setlocale(LC_CTYPE, "") == nil || String(cString: nl_langinfo(nl_item(CODESET))) != "UTF-8" {
      setlocale(LC_CTYPE, "C.UTF-8")
    }
  }

  // MARK: Prompt

  private func prompt() -> PromptText {
    Interruption.begin()
    let command = CommandTable.command(.status)
    var status: StatusReply?
    do {
      _ = try runner.daemon.perform(
        command, typed: "", silenceSecondsMax: Self.promptSecondsMax, { AdminRequest(id: $0, command: command) }
      ) {
        if case .status(let reply) = $0 { status = reply }
      }
      isLossTold = false
    } catch {
      if !isLossTold { _ = runner.fail(error) }
      isLossTold = true
    }
    return PromptText(status, level: runner.daemon.level)
  }

  // MARK: Lines

  /// Runs the line; true if it was the last one.
  private func isLast(_ line: String) -> Bool {
    do {
      if let question = Self.question(line) {
        say(explain(question))
        return false
      }
      let words = try ConsoleLine.expanded(try TypedLine.split(line))
      switch words.first.flatMap(ConsoleWord.init) {
      case .quit, .exit: return true
      case .history: say(history.lines)
      case nil:
        guard let invocation = try runner.invocation(words) else { return false }
        _ = runner.run(invocation)
        if invocation.command.name == .help, invocation.words.isEmpty { say([ConsoleWord.help]) }
      }
    } catch {
      _ = runner.fail(error)
    }
    return false
  }

  /// What stands before a question mark at the end, where no editor has seen the key.
  private static func question(_ line: String) -> String? {
    guard line.hasSuffix("?"), !TypedLine(String(line.dropLast())).isQuoteOpen else { return nil }
    return String(line.dropLast())
  }

  private func keep(_ line: String, _ reader: any LineReader) {
    guard CommandHistory.keeps(line) else { return }
    history.add(line)
    if isHistoryKept, let file {
      do {
        history = try file.add(line)
      } catch {
        isHistoryKept = false
        say(["\(output.style.paint("!", .warning)) \(error.message)"])
      }
    }
    reader.remember(history)
  }

  private func say(_ lines: [String]) {
    for line in lines { output.print(text: line + "\n") }
    output.flush()
  }

  // MARK: Help with a line

  func complete(_ line: String) -> TabCompletion {
    let (candidates, typed) = candidates(line)
    return TabCompletion(candidates, for: typed)
  }

  func list(_ candidates: [CandidateReply]) -> [String] {
    CandidateView.lines(candidates, width: width, style: output.style)
  }

  func explain(_ line: String) -> [String] {
    ConsoleLine.help(for: line, candidates: candidates(line).candidates, width: width, style: output.style)
  }

  private var width: Int { Terminal.columns ?? 80 }

  /// What can stand at the end of the line, and which part of it that takes the place of. The daemon knows more (ids,
  /// upstreams, users); without it there are still the words of the table.
  private func candidates(_ line: String) -> (candidates: [CandidateReply], typed: String) {
    let line = ConsoleLine.bare(line)
    let table = Completion.at(line: line)
    let command = CommandTable.command(.complete)
    var candidates: [CandidateReply] = []
    do {
      _ = try runner.daemon.perform(
        command, typed: "", silenceSecondsMax: Self.promptSecondsMax,
        { AdminRequest(id: $0, command: command, args: .init(line: line)) }
      ) {
        if case .candidate(let candidate) = $0 { candidates.append(candidate) }
      }
    } catch {
      candidates = table.candidates
    }
    if table.wanted.contains(.directories) { candidates += DirectoryCandidates.beginning(with: table.typed) }
    let typed = TypedLine(line)
    if typed.isComment { return ([], "") }
    if typed.words.isEmpty { candidates += ConsoleWord.candidates(for: typed.open) }
    return (candidates, table.typed)
  }
}
