// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Options that every command understands; they may stand before or behind its words.
package struct GlobalOptions: Sendable, Equatable {
  package enum Format: Sendable {
    case people
    /// One object a line.
    case json
    /// The same, indented.
    case prettyJSON
  }

  /// nil: the usual place.
  package var configPath: String?
  package var format = Format.people
  package var color = true
  package var quiet = false
  package var help = false
  package var version = false

  package init() {}

  /// For the help text, in its order.
  static let help: [(option: String, text: String)] = [
    ("--config FILE", "configuration to read (default: $POSTERN_CONFIG, then /etc/postern/postern.toml)"),
    ("--json[=pretty]", "answer in JSON, one object a line, or indented"),
    ("--no-color", "no colours, also on a terminal"),
    ("-q", "say nothing but errors; the exit code tells"),
    ("-h, --help", "help, also of one command"),
    ("--version", "version of this program"),
    ("-c LINE", "run this line; may stand several times"),
    ("-f FILE", "run the lines of a file"),
    ("--keep-going", "a line that fails does not end a script"),
  ]

  static let names = ["--config", "--json", "--no-color", "-q", "-h", "--help", "--version"]

  /// What an error should look like when the arguments are so wrong that they cannot be parsed.
  package static func format(requestedBy arguments: [String]) -> Format {
    let asked = arguments.prefix { $0 != "--" }.last { $0 == "--json" || $0.hasPrefix("--json=") }
    return asked == nil ? .people : asked == "--json=pretty" ? .prettyJSON : .json
  }

  /// True if `word` was one of ours. A value that stands in a word of its own is taken from `rest`.
  mutating func take(_ word: String, rest: inout ArraySlice<String>) throws(AdminError) -> Bool {
    switch word {
    case "--config":
      guard let path = rest.popFirst(), !path.isEmpty else { throw .usage("missing_value", "--config needs a file") }
      configPath = path
    case "--json": format = .json
    case "--json=pretty": format = .prettyJSON
    case "--no-color": color = false
    case "-q": quiet = true
    case "-h", "--help": help = true
    case "--version": version = true
    default:
      if word.hasPrefix("--config=") {
        configPath = String(word.dropFirst("--config=".count))
        if configPath == "" { throw .usage("missing_value", "--config needs a file") }
      } else if word.hasPrefix("--json=") {
        throw .usage("bad_value", "'\(TerminalText.escaped(word))': --json knows only '=pretty'")
      } else {
        return false
      }
    }
    return true
  }
}
