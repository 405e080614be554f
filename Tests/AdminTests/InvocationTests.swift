// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite
struct InvocationTests {
  @Test(
    "what the shell accepts, and what the daemon is asked",
    arguments: [
      ("status", "status", AdminRequest.Arguments()),
      ("queue", "queue", .init()),
      ("queue to:@example.org age:>1h", "queue", .init(select: "to:@example.org age:>1h")),
      ("queue -from:@example.org --json", "queue", .init(select: "-from:@example.org")),
      ("flush -- -from:@example.org", "flush", .init(select: "-from:@example.org")),
      ("flush 7KQ2 -user:nas", "flush", .init(select: "7KQ2 -user:nas")),
      ("flush --all", "flush", .init(all: true)),
      ("--config /tmp/x.toml show 7KQ2", "show", .init(message: "7KQ2")),
      ("reload -q", "reload", .init()),
      (
        "hold to:@example.org --for 2h --reason typo", "hold",
        .init(select: "to:@example.org", reason: "typo", seconds: 7200)
      ),
      ("hold --for=90s 7KQ2", "hold", .init(select: "7KQ2", seconds: 90)),
      ("drop from:@x.org --now --yes", "drop", .init(select: "from:@x.org", isNow: true)),
      ("undrop batch:41", "undrop", .init(name: "batch:41")),
      ("bounce --no-dsn --dry-run --all", "bounce", .init(all: true, dryRun: true, noDSN: true)),
      ("pause upstream gmail --for 1d", "pause.upstream", .init(name: "gmail", seconds: 86_400)),
      ("why gmail", "why", .init(name: "gmail")),
      ("queue -n 5", "queue", .init(limit: 5)),
    ])
  func requests(line: String, cmd: String, args: AdminRequest.Arguments) throws {
    let invocation = try Invocation(line.split(separator: " ").map(String.init))
    let request = invocation.request(id: 7)
    #expect(request.cmd == cmd)
    #expect(request.args == args)
    #expect(try request.command() == invocation.command)
  }

  @Test(
    "global options stand anywhere before --",
    arguments: [
      (["--config", "a", "status"], GlobalOptions.with { $0.configPath = "a" }),
      (["status", "--config=a"], .with { $0.configPath = "a" }),
      (["queue", "--json"], .with { $0.format = .json }),
      (["--json=pretty", "queue"], .with { $0.format = .prettyJSON }),
      (["-q", "--no-color", "status"], .with { ($0.quiet, $0.color) = (true, false) }),
      (["queue", "--", "-q"], .with { _ in }),
    ])
  func globals(arguments: [String], expected: GlobalOptions) throws {
    #expect(try Invocation(arguments).global == expected)
  }

  @Test(
    "help and version, as commands and as options",
    arguments: [
      ("help", Command.Name.help, []), ("--help", .help, []), ("-h", .help, []),
      ("help users add", .help, ["users", "add"]), ("users add --help", .help, ["users", "add"]),
      ("flush -h", .help, ["flush"]), ("version", .version, []), ("--version", .version, []),
    ])
  func helpAndVersion(line: String, name: Command.Name, words: [String]) throws {
    let invocation = try Invocation(line.split(separator: " ").map(String.init))
    #expect(invocation.command.name == name)
    #expect(invocation.words == words)
  }

  @Test(
    "users add takes one name and one source of the password",
    arguments: [
      ("users add alice", Command.Option?.none), ("users add alice --ask", .ask),
      ("users add --password-stdin alice", .passwordStdin),
    ])
  func usersAdd(line: String, option: Command.Option?) throws {
    let invocation = try Invocation(line.split(separator: " ").map(String.init))
    #expect(invocation.command.name == .usersAdd)
    #expect(invocation.words == ["alice"])
    #expect(Array(invocation.options.keys) == [option].compactMap { $0 })
  }

  @Test(
    "what the shell refuses says what was meant, and ends with 64",
    arguments: [
      ("", "usage.no_command", "no command given"),
      ("wacth", "usage.unknown_command", "unknown command 'wacth'"),
      ("statsu", "usage.unknown_command", "unknown command 'statsu'. Did you mean 'status'?"),
      ("stat", "usage.unknown_command", "unknown command 'stat'. Did you mean 'status'?"),
      ("user add bob", "usage.unknown_command", "unknown command 'user'. Did you mean 'users add'?"),
      ("users ad bob", "usage.unknown_command", "unknown command 'users ad'. Did you mean 'users add'?"),
      ("users", "usage.missing_verb", "'users' needs one of: list, add, passwd, disable, enable, remove"),
      (
        "flush", "usage.no_selector",
        "flush needs a selector (for example 'flush 7KQ2' or 'flush from:@example.net'), or --all"
      ),
      ("flush 7KQ2 --all", "usage.selector_and_all", "flush takes a selector or --all, not both"),
      ("flush --al", "usage.unknown_option", "flush has no option '--al'. Did you mean '--all'?"),
      ("queue --all", "usage.unknown_option", "queue has no option '--all'"),
      ("status -x", "usage.unknown_option", "status has no option '-x'. Did you mean '-q'?"),
      ("status now", "usage.surplus_argument", "status takes no 'now'"),
      ("show", "usage.missing_argument", "usage: postern show ID"),
      ("show 7KQ2 M4TD", "usage.surplus_argument", "show takes no 'M4TD'"),
      (
        "users add a --ask --password-stdin", "usage.exclusive_options",
        "--ask and --password-stdin exclude each other"
      ),
      ("hold 7KQ2 --for", "usage.missing_value", "--for needs a value: --for TIME"),
      ("hold 7KQ2 --for 2w", "usage.bad_value", "'2w' behind --for is not a time such as 30m, 2h or 1d"),
      ("queue -n 0", "usage.bad_value", "'0' behind -n is not a number above 0"),
      ("flush --all=yes", "usage.surplus_value", "--all takes no value"),
      ("hold 7KQ2 --dry-run --yes", "usage.exclusive_options", "--dry-run and --yes exclude each other"),
      ("complete", "usage.unknown_command", "unknown command 'complete'"),
      ("status --json=yaml", "usage.bad_value", "'--json=yaml': --json knows only '=pretty'"),
      ("status --config", "usage.missing_value", "--config needs a file"),
    ])
  func refused(line: String, code: String, message: String) {
    let error = #expect(throws: AdminError.self) { try Invocation(line.split(separator: " ").map(String.init)) }
    #expect(error?.code == code)
    #expect(error?.message == message)
    #expect(error?.exit == .usage)
  }

  @Test("a word of the command line cannot reach the terminal as an escape")
  func hostileWord() {
    let error = #expect(throws: AdminError.self) { try Invocation(["\u{1B}[2Jstatus"]) }
    #expect(error?.message.contains("\u{1B}") == false)
  }

  @Test("the format of an error is known even if the arguments are wrong")
  func formatOfErrors() {
    #expect(GlobalOptions.format(requestedBy: ["--bogus", "--json"]) == .json)
    #expect(GlobalOptions.format(requestedBy: ["--json=pretty", "x"]) == .prettyJSON)
    #expect(GlobalOptions.format(requestedBy: ["flush", "--", "--json"]) == .people)
  }
}

extension GlobalOptions {
  fileprivate static func with(_ change: (inout GlobalOptions) -> Void) -> GlobalOptions {
    var options = GlobalOptions()
    change(&options)
    return options
  }
}
