// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite("What can stand at the end of a line")
struct CompletionTests {
  @Test(
    "words of commands, also behind abbreviations",
    arguments: [
      ("", nil), ("fl", ["flush"]), ("re", ["release", "resume", "reload"]), ("pause ", ["in", "out", "upstream"]),
      ("pau o", ["out"]), ("users p", ["passwd"]), ("x", []), ("help users re", ["remove"]), ("help pau", ["pause"]),
      ("r ", []), ("version ", []), ("comp", []), ("help status ", []),
    ])
  func words(line: String, texts: [String]?) {
    let completion = Completion.at(line: line)
    if let texts { #expect(completion.candidates.map(\.text) == texts) }
    #expect(line.hasSuffix(completion.typed))
    #expect(completion.wanted == [])
  }

  @Test("an empty line can begin with every command, each once, with a word on what it does")
  func empty() {
    let candidates = Completion.at(line: "").candidates
    #expect(Set(candidates.map(\.text)) == Set(CommandTable.visible.map { $0.words[0] }))
    #expect(Set(candidates.map(\.text)).count == candidates.count)
    #expect(candidates.allSatisfy { !$0.summary.isEmpty && $0.isWhole })
    #expect(candidates.first { $0.text == "creds" }?.summary == "list, set, login, test")
  }

  @Test(
    "what only the daemon knows",
    arguments: [
      ("show ", "", [.ids]), ("why 7K", "7K", [.ids, .upstreams, .clients]), ("pause upstream of", "of", [.upstreams]),
      ("undrop b", "b", [.batches]),
      ("resume up ", "", [.upstreams]), ("creds set o", "o", [.upstreams]), ("users passwd ", "", [.users]),
      ("users add ", "", []), ("show 7KQ2 ", "", []), ("flush to:@ex", "@ex", [.recipients]),
      ("flush -to:@ex", "@ex", [.recipients]), ("queue from:a@x.org,b", "b", [.senders]),
      ("queue state:held user:", "", [.users, .submitters]), ("queue upstream:o", "o", [.upstreams]),
      ("queue 7K", "7K", [.ids]), ("hold --for 2h 7", "7", [.ids]), ("flush --all 7", "7", []),
      ("spool verify /v", "/v", [.directories]), ("spool repair /q ", "", [.directories]),
      ("log -f client:1", "1", [.submitters]),
      ("hold --reason 'to:b", "'to:b", []), ("hold --reason to:b", "to:b", []),
    ] as [(String, String, Set<Completion.Kind>)])
  func wanted(line: String, typed: String, kinds: Set<Completion.Kind>) {
    let completion = Completion.at(line: line)
    #expect(completion.typed == typed)
    #expect(completion.wanted == kinds)
    #expect(completion.candidates.allSatisfy { $0.text.hasPrefix(typed) })
  }

  @Test(
    "values of terms and options",
    arguments: [
      ("queue state:", SelectorTerm.states.map(\.0)), ("queue state:held,de", ["deferred"]),
      ("queue -state:f", ["failed"]),
      ("queue -state:", SelectorTerm.states.map(\.0)), ("hold 7KQ2 --for ", ["30m", "1h", "2h", "8h", "1d"]),
      ("hold 7KQ2 --for=3", ["30m"]), ("queue age:<", ["<10m"]), ("hold --reason ", []), ("queue frob:", []),
      ("queue to:@x.org --c", ["--count"]), ("queue --count --", []), ("queue --count -n", ["-n", "-next:"]),
      ("flush 7KQ2 --a", []), ("flush --", ["--all", "--dry-run", "--yes", "--reason"]),
      ("flush --yes --d", []), ("status -", ["--watch"]), ("clients --", ["--watch"]),
      ("pause out ", ["--for", "--reason"]), ("pause upstream ", []),
      ("pause upstream x ", ["--for", "--reason"]), ("queue -t", ["-to:", "-tries:"]),
    ])
  func values(line: String, texts: [String]) {
    #expect(Set(Completion.at(line: line).candidates.map(\.text)) == Set(texts))
  }

  @Test("the key of a term is not a whole word, everything else is")
  func keys() {
    let candidates = Completion.at(line: "queue ").candidates
    #expect(candidates.allSatisfy { !$0.isWhole })
    #expect(candidates.map(\.text) == SelectorTerm.allCases.map { $0.rawValue + ":" })
    #expect(Completion.at(line: "queue -").candidates.filter(\.isWhole).map(\.text) == ["--count", "--ids", "-n"])
  }

  @Test("what the level may not do is not offered")
  func levels() {
    #expect(Completion.at(line: "re", level: .operate).candidates.map(\.text) == ["release", "resume"])
    #expect(Completion.at(line: "flush ", level: .view).candidates.isEmpty)
    #expect(Completion.at(line: "pause", level: .view).candidates.isEmpty)
  }

  @Test("no line is too strange")
  func strange() {
    var line = ""
    for scalar in "-:,=--for= '\"\\ help help : -- \u{0}\u{1B}\u{202E}é🙂 queue -state:,,:held,".unicodeScalars {
      line.unicodeScalars.append(scalar)
      let completion = Completion.at(line: line)
      #expect(line.hasSuffix(completion.typed))
      _ = Completion.at(line: "queue " + line)
    }
  }
}

@Suite("A line, cut into words")
struct TypedLineTests {
  @Test(
    "blanks separate, quotes and backslashes keep together",
    arguments: [
      ("", [], "", false), ("  a  b ", ["a", "b"], "", false), ("a b", ["a"], "b", false),
      ("hold x --reason 'typo in it?' ", ["hold", "x", "--reason", "typo in it?"], "", false),
      (#"a "b \"c\" 'd" "#, ["a", #"b "c" 'd"#], "", false), (#"a\ b c\"#, ["a b"], #"c\"#, true),
      ("'' ", [""], "", false), ("x 'open it", ["x"], "'open it", true), (#"'a\' "#, [#"a\"#], "", false),
      ("to:'a b'@c", [], "to:'a b'@c", false),
    ])
  func words(line: String, words: [String], open: String, isQuoteOpen: Bool) {
    let typed = TypedLine(line)
    #expect(typed.words == words)
    #expect(typed.open == open)
    #expect(typed.isQuoteOpen == isQuoteOpen)
  }

  @Test("the last word counts among all, without its quotes")
  func all() {
    #expect(TypedLine("queue to:'a b'@c").allWords == ["queue", "to:a b@c"])
    #expect(TypedLine("queue ").allWords == ["queue"])
    #expect(TypedLine("log ''").allWords == ["log", ""])
  }
}

@Suite("What was typed")
struct TypedRequestTests {
  @Test("a request is written as a person would type it, and never with its secret")
  func typed() {
    let hold = AdminRequest(
      id: 1, command: CommandTable.command(.hold),
      args: .init(select: "to:@x.org", dryRun: true, reason: "Bob's domain?", seconds: 7200))
    #expect(hold.typed == #"hold to:@x.org --for 2h --dry-run --reason 'Bob'\''s domain?'"#)
    let creds = AdminRequest(
      id: 1, command: CommandTable.command(.credsSet),
      args: .init(name: "office", secret: SecretText("hunter2"), noTest: true))
    #expect(creds.typed == "creds set office --no-test")
    #expect(TypedLine(hold.typed).allWords.last == "Bob's domain?")
  }

  @Test("a command above the level says which group or sudo gives it")
  func level() {
    let error = AdminError.level(CommandTable.command(.hold), has: .view, typed: "hold 7KQ2")
    #expect(error.message == "'hold' needs level operate, this connection has view")
    #expect(error.context[0].contains("'postern-operate'"))
    #expect(error.hint == "sudo postern hold 7KQ2")
    #expect(error.exit == .noPermission)
  }
}
