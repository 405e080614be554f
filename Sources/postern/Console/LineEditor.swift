// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import CLibedit
import Glibc

/// libedit on standard input and output. It belongs to the main thread, like all of the console; its callbacks come from
/// inside `readLine` and find this object again through the editor's client data.
final class LineEditor: LineReader {
  private let edit: OpaquePointer
  private let history: OpaquePointer
  private let assistant: any LineAssistant
  private let color: Bool
  private var prompt: UnsafeMutablePointer<CChar>
  private var promptWidth = 0
  private var isCancelled = false

  /// Around what has no width in the prompt.
  private static let mark: Character = "\u{01}"

  init?(assistant: any LineAssistant, color: Bool) {
    guard let edit = cedit_init("postern"), let history = history_init() else { return nil }
    self.edit = edit
    self.history = history
    self.assistant = assistant
    self.color = color
    prompt = strdup("")
    cedit_set_client_data(edit, Unmanaged.passUnretained(self).toOpaque())
    cedit_set_prompt(edit, { LineEditor.of($0).prompt }, CChar(Self.mark.asciiValue!))
    cedit_set_editor(edit, "emacs")
    cedit_handle_signals(edit)
    cedit_history_set_size(history, Int32(CommandHistory.linesMax))
    cedit_set_history(edit, history)
    // The user's own keys first (editrc(5)); ours have to work whatever stands there.
    el_source(edit, nil)
    cedit_add_function(edit, "postern-complete", "complete the word", { edit, _ in LineEditor.of(edit).complete() })
    cedit_add_function(edit, "postern-explain", "say what can stand here", { edit, _ in LineEditor.of(edit).explain() })
    cedit_add_function(edit, "postern-cancel", "forget the line", { edit, _ in LineEditor.of(edit).cancel() })
    cedit_add_function(edit, "postern-suspend", "stop until fg", { edit, _ in LineEditor.of(edit).suspend() })
    cedit_bind(edit, "^I", "postern-complete")
    cedit_bind(edit, "?", "postern-explain")
    cedit_bind(edit, "^C", "postern-cancel")
    cedit_bind(edit, "^Z", "postern-suspend")
    // Ctrl-C is a key while a line is typed; a signal could come anywhere in the editor's code.
    cedit_keep_signals_off_keys(edit)
  }

  deinit {
    history_end(history)
    el_end(edit)
    free(prompt)
  }

  func readLine(_ prompt: PromptText) -> Terminal.Answer {
    free(self.prompt)
    self.prompt = strdup(color ? prompt.painted(mark: Self.mark) : prompt.plain)
    promptWidth = Self.width(prompt.plain)
    isCancelled = false
    var count: Int32 = 0
    // It would do so itself, but only behind the prompt: what is typed meanwhile would be echoed twice.
    cedit_take_terminal(edit)
    let line = el_gets(edit, &count)
    if isCancelled { return .cancelled }
    guard let line, count > 0 else {
      write("\n")
      return .end
    }
    let text = String(cString: line)
    return .line(text.hasSuffix("\n") ? String(text.dropLast()) : text)
  }

  func remember(_ lines: CommandHistory) {
    cedit_history_clear(history)
    for line in lines.lines { cedit_history_enter(history, line) }
  }

  // MARK: Keys

  private static func of(_ edit: OpaquePointer?) -> LineEditor {
    // The data was set before the first callback, and the object outlives its editor.
    Unmanaged<LineEditor>.fromOpaque(cedit_client_data(edit)!).takeUnretainedValue()
  }

  private func complete() -> UInt8 {
    switch assistant.complete(line.before) {
    case .nothing:
      return UInt8(CC_REFRESH_BEEP)
    case .replace(let characters, let text):
      if characters > 0 { el_deletestr(edit, Int32(characters)) }
      el_insertstr(edit, text)
      return UInt8(CC_REFRESH)
    case .choose(let candidates):
      return show(assistant.list(candidates))
    }
  }

  private func explain() -> UInt8 {
    let before = line.before
    // Inside quotes it is a character like any other.
    if TypedLine(before).isQuoteOpen {
      el_insertstr(edit, "?")
      return UInt8(CC_REFRESH)
    }
    return show(assistant.explain(before))
  }

  private func cancel() -> UInt8 {
    isCancelled = true
    write("^C")
    leaveLine()
    return UInt8(CC_NEWLINE)
  }

  private func suspend() -> UInt8 {
    // The editor's own handler puts the terminal back before, and takes it again after.
    raise(SIGTSTP)
    return UInt8(CC_REFRESH)
  }

  /// Lines below the one that is typed, and that one again below them.
  private func show(_ lines: [String]) -> UInt8 {
    leaveLine()
    for line in lines { write(line + "\n") }
    cedit_redraw(edit)
    return UInt8(CC_NORM)
  }

  // MARK: Place on the screen

  private var line: (before: String, whole: String) {
    guard let info = el_line(edit)?.pointee, let start = info.buffer else { return ("", "") }
    func text(to end: UnsafePointer<CChar>) -> String {
      String(decoding: UnsafeRawBufferPointer(start: start, count: end - start), as: UTF8.self)
    }
    return (text(to: info.cursor), text(to: info.lastchar))
  }

  /// Goes to the beginning of the row below the line, which may be longer than a row.
  private func leaveLine() {
    let (before, whole) = line
    let columns = Terminal.columns ?? 80
    func row(_ text: String) -> Int { (promptWidth + Self.width(text)) / columns }
    write("\r" + String(repeating: "\n", count: row(whole) - row(before) + 1))
  }

  private static func width(_ text: String) -> Int {
    text.unicodeScalars.reduce(0) { $0 + max(0, Int(wcwidth(wchar_t($1.value)))) }
  }

  private func write(_ text: String) {
    fflush(nil)
    _ = Glibc.write(STDOUT_FILENO, text, text.utf8.count)
  }
}
