// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite("Lines of scripts and of the console")
struct LineTests {
  @Test(
    "a line that is complete",
    arguments: [
      ("", []), ("   ", []), ("# all of it", []), ("queue # the rest", ["queue"]),
      ("a#b '#c' \\#d", ["a#b", "#c", "#d"]),
      ("hold x --reason 'größer als 日本'", ["hold", "x", "--reason", "größer als 日本"]), ("\tqueue\t", ["queue"]),
    ])
  func split(line: String, words: [String]) throws {
    #expect(try TypedLine.split(line) == words)
  }

  @Test("what is not closed is no line", arguments: ["'a", "\"a", "a\\", "hold 'x --all"])
  func open(line: String) {
    #expect(throws: AdminError.self) { try TypedLine.split(line) }
  }

  @Test(
    "a word is quoted so that it is read as it was",
    arguments: ["", "a", "a b", "it's", #"a"b\c"#, "#a", "why?", "'\" \\"])
  func quoted(word: String) throws {
    #expect(try TypedLine.split(TypedLine.quoted(word)) == [word])
    if word == "a" { #expect(TypedLine.quoted(word) == "a") }
  }

  @Test(
    "the console takes commands as short as they are clear, and hints as they are printed",
    arguments: [
      ("q", "queue"), ("qui", "quit"), ("q to:x --ids", "queue to:x --ids"), ("us l", "users list"),
      ("us ad bob", "users add bob"),
      ("--json st", "--json status"), ("pa u gmail", "pause upstream gmail"), ("postern why 7KQ2", "why 7KQ2"),
      ("e", "exit"), ("his", "history"), ("frob x", "frob x"), ("users frob", "users frob"), ("postern", "postern"),
    ])
  func abbreviations(line: String, expanded: String) throws {
    let words = { (line: String) in line.split(separator: " ").map(String.init) }
    #expect(try ConsoleLine.expanded(words(line)) == words(expanded))
  }

  @Test(
    "what is short and not clear names the choices",
    arguments: [
      ("re", "'re' can mean 'release', 'resume', 'reload'"), ("h", "'h' can mean 'hold', 'help'"),
      ("spool", nil), ("s", "'s' can mean 'status', 'show', 'spool'"),
    ])
  func ambiguous(line: String, message: String?) {
    do {
      _ = try ConsoleLine.expanded([line])
      #expect(message == nil)
    } catch {
      #expect(error.message == message)
      #expect(error.exit == .usage)
    }
  }

  @Test("a new command cannot change what a script means: scripts have to spell out")
  func scripts() {
    #expect(throws: AdminError.self) { try Invocation(["q"]) }
  }
}

@Suite("What the arguments of the program ask for")
struct ProgramArgumentsTests {
  @Test(
    "one command, lines, a file, or input",
    arguments: [
      ([], ProgramArguments.Work.input, false), (["queue", "-n", "1"], .command(["queue", "-n", "1"]), false),
      (["--json", "log", "-f"], .command(["--json", "log", "-f"]), false), (["--help"], .command(["--help"]), false),
      (["-c", "queue", "-c", "status"], .lines(["queue", "status"]), false),
      (["-f", "x", "--keep-going"], .file("x"), true),
      (["-q", "--keep-going"], .input, true), (["--json", "-c", "status"], .lines(["status"]), false),
    ])
  func work(arguments: [String], work: ProgramArguments.Work, keepsGoing: Bool) throws {
    let parsed = try ProgramArguments(arguments)
    #expect(parsed.work == work)
    #expect(parsed.keepsGoing == keepsGoing)
  }

  @Test(
    "what cannot be meant",
    arguments: [
      ["-c"], ["-f"], ["-f", "a", "-f", "b"], ["-c", "a", "-f", "b"], ["-c", "a", "queue"], ["--keep-going", "queue"],
    ])
  func refused(arguments: [String]) {
    #expect(throws: AdminError.self) { try ProgramArguments(arguments) }
  }
}

@Suite("History of the console")
struct CommandHistoryTests {
  @Test("each line once, where it was typed last, and no more than a thousand")
  func lines() {
    var history = CommandHistory(text: "queue\nstatus\nqueue\n")
    #expect(history.lines == ["status", "queue"])
    history.add("status")
    #expect(history.text == "queue\nstatus\n")
    for number in 0..<1500 { history.add("queue -n \(number + 1)") }
    #expect(history.lines.count == 1000)
    #expect(history.lines.last == "queue -n 1500")
    #expect(CommandHistory(text: history.text) == history)
  }

  @Test(
    "what is kept",
    arguments: [
      ("queue", true), ("", false), (" status", false), ("a\u{1B}b", false), ("qeueu", true), ("hold 'x", true),
      ("q", true), ("postern queue", true), ("postern creds set gmail", true),
      ("postern creds set gmail hunter2", false),
      ("creeds set gmail hunter2", false), ("hunter2", false), ("history", true),
      ("creds set gmail", true), ("creds set gmail hunter2", false), ("users add bob", true),
      ("users add bob secret", false),
      ("cre set gmail hunter2", false), ("u a bob secret", false), ("users passwd 'bob", false), ("users", false),
    ])
  func kept(line: String, isKept: Bool) {
    #expect(CommandHistory.keeps(line) == isKept)
  }
}

@Suite("Prompt of the console")
struct PromptTests {
  @Test("level, upstream, queue")
  func plain() {
    var status = ProtocolTests.status
    #expect(PromptText(status, level: .admin).plain == "postern gmail:paused q:3> ")
    #expect(PromptText(status, level: .view).plain == "postern(view) gmail:paused q:3> ")
    status.pauses = [
      Pause(side: "in", since: status.config.loaded, by: "root"),
      Pause(side: "out", since: status.config.loaded, by: "root"),
    ]
    #expect(PromptText(status, level: .operate).plain == "postern(operate) in:paused out:paused gmail:paused q:3> ")
    status.upstreams.insert(.init(name: "a", endpoint: "a:1", state: "ok"), at: 0)
    #expect(PromptText(status, level: .admin).plain.contains(" gmail:paused "), "the one that somebody should look at")
    status.upstreams[1].state = "standby"
    #expect(PromptText(status, level: .admin).plain.contains(" a:ok "))
    #expect(PromptText(nil, level: .admin).plain == "postern> ")
    #expect(PromptText(nil, level: nil).plain == "postern> ")
  }

  @Test("colours stand between marks, never two pairs of marks in a row")
  func painted() {
    let text = PromptText(ProtocolTests.status, level: .admin).painted(mark: "|")
    #expect(text == "postern|\u{1B}[31m| gmail:paused|\u{1B}[0m\u{1B}[33m| q:3|\u{1B}[0m|> ")
    #expect(PromptText(nil, level: nil).painted(mark: "|") == "postern> ")
  }
}

@Suite("Tab and ?")
struct TabTests {
  private let plain = Style.plain

  private static func candidates(_ texts: String..., whole: Bool = true) -> [CandidateReply] {
    texts.map { CandidateReply(text: $0, summary: "", isWhole: whole) }
  }

  @Test(
    "what is clear is filled in, what is not is shown",
    arguments: [
      ("x", candidates(), TabCompletion.nothing), ("que", candidates("queue"), .replace(characters: 0, with: "ue ")),
      ("", candidates("to:", whole: false), .replace(characters: 0, with: "to:")),
      ("7kq2", candidates("7KQ2M9XF4"), .replace(characters: 4, with: "7KQ2M9XF4 ")),
      ("t", candidates("team-a", "team-b"), .replace(characters: 0, with: "eam-")),
      ("re", candidates("release", "reload"), .replace(characters: 0, with: "l")),
      ("rel", candidates("release", "reload"), .choose(candidates("release", "reload"))),
      ("", candidates("a", "b"), .choose(candidates("a", "b"))),
      ("ü", candidates("über", "übel"), .replace(characters: 0, with: "be")),
      ("", candidates("a b"), .replace(characters: 0, with: "'a b' ")),
      ("", candidates("a b", "a c"), .choose(candidates("a b", "a c"))),
    ])
  func tab(typed: String, candidates: [CandidateReply], expected: TabCompletion) {
    #expect(TabCompletion(candidates, for: typed) == expected)
  }

  @Test("candidates with their meaning stand in rows that fit; long lists end with a count")
  func rows() {
    let candidates = [
      CandidateReply(text: "in", summary: "refuse all clients for a while (421)"),
      CandidateReply(text: "upstream\u{1B}[2J", summary: "x\u{7}"),
    ]
    #expect(
      CandidateView.lines(candidates, width: 40, style: plain) == [
        "  in               refuse all clients f~", #"  upstream\x1b[2J  x\x07"#,
      ])
    let many = (0..<50).map { CandidateReply(text: "id\($0)", summary: "s") }
    let lines = CandidateView.lines(many, width: 80, style: plain)
    #expect(lines.count == CandidateView.rowsMax + 1)
    #expect(lines.last == "  and \(50 - CandidateView.rowsMax) more")
  }

  @Test("names alone stand in columns")
  func columns() {
    let names = ["a1", "b2", "c3", "d4", "e5"].map { CandidateReply(text: $0, summary: "") }
    #expect(CandidateView.lines(names, width: 14, style: plain) == ["  a1  c3  e5", "  b2  d4"])
    let many = (0..<500).map { CandidateReply(text: "name\($0)", summary: "") }
    let lines = CandidateView.lines(many, width: 80, style: plain)
    #expect(lines.count == CandidateView.rowsMax + 1 && lines.allSatisfy { $0.count <= 80 })
  }

  @Test("? shows the command as far as it is known, then what can follow")
  func help() {
    let next = [CandidateReply(text: "to:", summary: "recipient")]
    let lines = ConsoleLine.help(for: "q ", candidates: next, width: 80, style: plain)
    #expect(lines.first == "  queue [SELECTOR...] [--count|--ids] [-n N]   list waiting messages")
    #expect(lines.last == "  to:  recipient")
    #expect(ConsoleLine.help(for: "version ", candidates: [], width: 80, style: plain).count == 1)
    #expect(ConsoleLine.help(for: "frob ", candidates: [], width: 80, style: plain) == ["  nothing can stand here"])
  }
}
