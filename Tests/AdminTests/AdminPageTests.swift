// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

@testable import Admin

/// `docs/ADMIN.md` is made here, from the command table, and held to it.
@Suite("The page of commands")
struct AdminPageTests {
  @Test("docs/ADMIN.md is what the command table says")
  func page() throws {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let path = "/\(root)/docs/ADMIN.md"
    if getenv("POSTERN_WRITE_PAGES") != nil { try Self.write(Self.text, to: path) }
    #expect(try Self.read(path) == Self.text, "POSTERN_WRITE_PAGES=1 swift test --filter AdminPageTests")
  }

  private static var text: String {
    """
    # Commands of the console

    Made from the [command table](../Sources/Admin/Commands/CommandTable.swift); do not edit:
    `POSTERN_WRITE_PAGES=1 swift test --filter AdminPageTests`.

    Levels are sockets in `[control] directory`: \(levels).
    Commands without one run in the console itself, with the rights of whoever calls it.

    | command | level | |
    | --- | --- | --- |
    \(CommandTable.visible.map(row).joined(separator: "\n"))

    \(CommandTable.visible.filter { !$0.details.isEmpty || !$0.options.isEmpty }.map(section).joined(separator: "\n\n"))

    ## Selectors and exit codes

    ```
    \(sections)
    ```

    """
  }

  private static var levels: String {
    Command.Level.allCases.map { level in
      "`\(level.socketName)` (" + (level.groupName.map { "group `\($0)`" } ?? "root") + ")"
    }.joined(separator: ", ")
  }

  private static func row(_ command: Command) -> String {
    let synopsis = command.synopsis.split(separator: "|").joined(separator: "\\|")
    return "| `\(synopsis)` | \(command.isAsked ? command.level.rawValue : "") | \(command.summary) |"
  }

  private static func section(_ command: Command) -> String {
    let options = command.options.map { "- `\($0.usage)`: \($0.summary)" }.joined(separator: "\n")
    return [
      "## \(command.name.rawValue)", "`postern \(command.usage)`",
      command.details.joined(separator: "\n"), options,
    ].filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  /// As the help of a command has them behind its own.
  private static var sections: String {
    let help = HelpText.command(CommandTable.command(.queue))
    let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.drop { !$0.hasPrefix("selectors") }.joined(separator: "\n").trimmingFinalLineFeed
  }

  private static func read(_ path: String) throws -> String {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { octets += buffer[..<count] }
    return String(decoding: octets, as: UTF8.self)
  }

  private static func write(_ text: String, to path: String) throws {
    let file = try #require(fopen(path, "w"))
    fputs(text, file)
    fclose(file)
  }
}

extension String {
  fileprivate var trimmingFinalLineFeed: String { hasSuffix("\n") ? String(dropLast()) : self }
}
