// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite
struct CommandTableTests {
  @Test("every name has exactly one line in the table")
  func complete() {
    #expect(CommandTable.commands.map(\.name.rawValue).sorted() == Command.Name.allCases.map(\.rawValue).sorted())
  }

  @Test("every line fits a terminal and parses as its own usage says", arguments: CommandTable.visible)
  func line(command: Command) throws {
    for text in HelpText.command(command).split(separator: "\n") { #expect(text.count <= 110, "\(text)") }
    let value: [String] =
      switch command.takes {
      case .nothing: []
      case .two: ["/old", "/new"]
      case .one, .optional, .any: command.takes == .any(.command) ? ["status"] : ["7KQ2"]
      }
    #expect(try Invocation(command.words + value).command == command)
    for option in command.options {
      let given = [option.rawValue] + (option.value == nil ? [] : [option == .limit ? "7" : "2h"])
      let target = command.needsTarget ? (option == .all ? [] : ["--all"]) : value
      #expect(try Invocation(command.words + target + given).has(option))
    }
  }

  @Test(
    "usage lines",
    arguments: [
      (Command.Name.status, "status [--watch]"), (.queue, "queue [SELECTOR...] [--count|--ids] [-n N]"),
      (.show, "show ID"),
      (.flush, "flush SELECTOR...|--all [--dry-run|--yes] [--reason TEXT]"), (.why, "why ID|UPSTREAM|CLIENT"),
      (.spoolVerify, "spool verify [DIR]"), (.spoolRepair, "spool repair DIR NEWDIR"),
      (.pauseUpstream, "pause upstream UPSTREAM [--for TIME] [--reason TEXT]"),
      (.usersAdd, "users add NAME [--ask|--password-stdin]"), (.help, "help [COMMAND...]"),
    ])
  func usage(name: Command.Name, usage: String) {
    #expect(CommandTable.command(name).usage == usage)
  }

  @Test("help lists every command and every option")
  func overview() {
    let text = HelpText.overview()
    for command in CommandTable.visible {
      #expect(text.contains("  \(command.synopsis)  "))
      #expect(text.contains(command.summary))
    }
    for name in GlobalOptions.names { #expect(text.contains(name)) }
  }

  @Test("help of one command has its usage, options, selectors and exit codes")
  func help() throws {
    let flush = try HelpText.text(for: ["flush"])
    #expect(flush.hasPrefix("usage: postern flush SELECTOR...|--all [--dry-run|--yes] [--reason TEXT]\n"))
    for part in ["--all", "age:>2h", "-term means not", "69  posternd is not running"] { #expect(flush.contains(part)) }
    let usersAdd = try HelpText.text(for: ["users", "add"])
    for part in ["--ask", "--password-stdin", "If NAME exists"] { #expect(usersAdd.contains(part)) }
    #expect(!usersAdd.contains("SELECTOR"))
    let error = #expect(throws: AdminError.self) { try HelpText.text(for: ["flsh"]) }
    #expect(error?.message == "unknown command 'flsh'. Did you mean 'flush'?")
  }

  @Test("the greeting offers what the level may, and only what the daemon runs")
  func capabilities() {
    let view = ["status", "queue", "show", "why", "route.test", "upstream.show", "clients", "complete"]
    let operate =
      ["flush", "hold", "release", "bounce", "drop", "undrop"]
      + ["pause", "resume"].flatMap { verb in
        ["in", "out", "upstream"].map { "\(verb).\($0)" }
      }
    let admin = ["reload", "users.list", "creds.list", "creds.set", "creds.login", "creds.test"]
    #expect(Set(Greeting(level: .view).caps) == Set(view))
    #expect(Set(Greeting(level: .operate).caps) == Set(view + operate))
    #expect(Set(Greeting(level: .admin).caps) == Set(view + operate + admin))
  }

  @Test(
    "one slip in three characters is still the same word",
    arguments: [
      ("flsuh", "flush"), ("qeue", "queue"), ("reload ", "reload"), ("Status", "status"), ("verison", "version"),
      ("undo", "undrop"), ("revert", nil), ("", nil), ("x", nil),
    ])
  func nearest(word: String, name: String?) {
    #expect(NearestName.of(word, among: CommandTable.commands.map(\.name.rawValue)) == name)
  }
}
