// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// Where the program writes: answers to standard output, for people or as JSON; errors to standard error. It belongs to
/// the one thread of the program.
final class Output {
  let style: Style
  /// When the program started to print: all distances in time are from here.
  let now: Timestamp
  private let format: GlobalOptions.Format
  private let quiet: Bool
  private var buffer: [UInt8] = []
  private var writeError: Int32?

  private static let bufferOctets = 65_536

  init(_ global: GlobalOptions) {
    format = global.format
    quiet = global.quiet
    let terminal = isatty(STDOUT_FILENO) == 1
    let canColor = terminal && Self.environment("NO_COLOR") == nil && !["dumb", nil].contains(Self.environment("TERM"))
    style =
      terminal
      ? Style(
        color: global.color && canColor, cutsLongCells: true, symbols: Self.isUTF8, width: Terminal.columns) : .plain
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    now = Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  var isJSON: Bool { format != .people }
  var isQuiet: Bool { quiet }

  /// An answer, in the form that was asked for.
  func print(_ payload: AdminReply.Payload, people: (Style) -> [String]) {
    guard !quiet else { return }
    if isJSON {
      // A kind of data that we do not know has lost its members on the way here.
      if case .unknown = payload { return }
      printJSON(payload)
    } else {
      printForPeople(people(style))
    }
  }

  /// Takes away what stands on the screen; elsewhere an empty line separates what comes from what came.
  func beginAgain(isFirst: Bool) {
    guard !quiet, !isJSON else { return }
    if style.cutsLongCells { append("\u{1B}[H\u{1B}[2J") } else if !isFirst { append("\n") }
  }

  /// Lines that have no JSON form, as a sum below a table.
  func printForPeople(_ lines: [String]) {
    guard !quiet, !isJSON else { return }
    for line in lines { append(line + "\n") }
  }

  /// A line that is the same for people and for programs.
  func print(value: String) {
    if !quiet { append(value + "\n") }
  }

  /// Text that is the answer whatever the options say: help, or a password that is lost otherwise.
  func print(text: String) { append(text) }

  func print(_ error: AdminError) {
    if isJSON {
      printJSON(AdminReply.failure(id: nil, error))
    } else {
      flush()
      Self.write(Array((OutcomeView.lines(error).joined(separator: "\n") + "\n").utf8), to: STDERR_FILENO)
    }
  }

  /// Writes what waits; a full disk under a redirected answer is not "done".
  func finish(_ exit: ExitCode) -> ExitCode {
    flush()
    guard let writeError else { return exit }
    let line = "error: cannot write to standard output: \(SystemCallError(errno: writeError))\n"
    Self.write(Array(line.utf8), to: STDERR_FILENO)
    return exit == .ok ? .no : exit
  }

  func flush() {
    if let error = Self.write(buffer, to: STDOUT_FILENO), writeError == nil { writeError = error }
    buffer.removeAll(keepingCapacity: true)
  }

  private func printJSON(_ value: some Encodable) {
    let json = ControlLine.json(value, pretty: format == .prettyJSON)
    append(TerminalText.escapedJSON(String(decoding: json, as: UTF8.self)) + "\n")
  }

  private func append(_ text: String) {
    buffer += text.utf8
    if buffer.count >= Self.bufferOctets { flush() }
  }

  /// Returns errno if not all of it could be written.
  @discardableResult
  private static func write(_ octets: [UInt8], to descriptor: Int32) -> Int32? {
    var rest = octets[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress!, $0.count) }
      if count >= 0 { rest = rest.dropFirst(count) } else if errno != EINTR { return errno }
    }
    return nil
  }

  private static var isUTF8: Bool {
    let locale = environment("LC_ALL") ?? environment("LC_CTYPE") ?? environment("LANG") ?? ""
    return ["utf-8", "utf8"].contains { locale.lowercased().hasSuffix($0) }
  }

  /// nil also for a variable that is set to nothing (no-color.org; locale(7)).
  private static func environment(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }
}
