// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Every command, one line each. The shell's parser, the help text, the daemon's greeting and its dispatch all read this
/// table; a command that is not here does not exist.
package enum CommandTable {
  package static let commands: [Command] = [
    Command(
      .status, options: [.watch], level: .view,
      "health, upstreams, queue, weak clients and what to do next, on one screen",
      details: ["Exit 0 if all is well, 1 if degraded, 69 if posternd is not running; with -q only that."]),
    Command(
      .queue, takes: .any(.selector), options: [.count, .ids, .limit], level: .view, "list waiting messages",
      details: [
        "Without a selector: all of them, oldest first. Finished mail, newest first, where state: asks for it; it is",
        "remembered for queue.history_keep.",
        "Example: postern queue to:@example.org age:>1h", "Example: postern queue state:sent to:bob@example.org",
      ]),
    Command(
      .show, takes: .one(.id), level: .view, "everything known about one message",
      details: [
        "With the last reply for each recipient. Four characters of the id are enough if no other begins so.",
        "Of a finished message: how it ended, as long as that is remembered (queue.history_keep).",
      ]),
    Command(
      .why, takes: .one(.subject), level: .view,
      "why a message has not left, what ails an upstream, what a client was refused; what to type",
      details: [
        "What the other side said, what happens next and when, and the command that helps.",
        "Of a client, by its address or the name of its [[client]]: what it heard last, what that means, and the stanza",
        "that would let it in, where one would. Exit 66 if it was not here since posternd started.",
        "Example: postern why 192.168.1.40",
      ]),
    Command(
      .flush, takes: .any(.selector), options: [.all, .dryRun, .yes, .reason], level: .operate, changes: true,
      "try deferred messages now",
      details: ["A paused upstream stays paused; the answer says so.", "Example: postern flush user:scanner"]),
    Command(
      .hold, takes: .any(.selector), options: [.all, .duration, .dryRun, .yes, .reason], level: .operate, changes: true,
      "keep messages back until they are released",
      details: [
        "A message that is being sent finishes its attempt first. Time on hold does not count against queue.lifetime.",
        "Example: postern hold to:@example.org --for 2h --reason 'typo in the domain?'",
      ]),
    Command(
      .release, takes: .any(.selector), options: [.all, .dryRun, .yes, .reason], level: .operate, changes: true,
      "end a hold", details: ["Example: postern release state:held"]),
    Command(
      .bounce, takes: .any(.selector), options: [.all, .noDSN, .dryRun, .yes, .reason], level: .operate, changes: true,
      isFinal: true, "give messages back to their senders",
      details: [
        "Shows first which messages are meant, and asks. The sender is told, with the text of --reason.",
        "Example: postern bounce to:@exmaple.com --reason 'no such domain'",
      ]),
    Command(
      .drop, takes: .any(.selector), options: [.all, .now, .dryRun, .yes, .reason], level: .operate, changes: true,
      isFinal: true, "take messages out of the queue; nobody is told",
      details: [
        "Shows first which messages are meant, and asks. They are kept for queue.dropped_keep; until then",
        "'postern undrop' puts them back as they were, and 'postern queue state:dropped' lists them.",
        "What is being sent finishes its attempt first. Only an id or state:dropped means a dropped message.",
        "With --now they are erased at once, and nothing brings them back; that takes the level admin.",
        "Example: postern drop from:@spammy.example age:>1d",
      ]),
    Command(
      .undrop, takes: .one(.batch), level: .operate, changes: true, "put dropped messages back into the queue",
      details: [
        "All of a batch that are still kept, as they were before: what was on hold is on hold. Lifetimes stood still.",
        "Example: postern undrop batch:41",
      ]),
    Command(
      .pauseIn, options: [.duration, .dryRun, .yes, .reason], level: .operate, changes: true, isFinal: true,
      "refuse all clients for a while (421)",
      details: [
        "Clients that wait and try again lose nothing; a scanner that does not loses what it was sending.",
        "Stays over restarts, until 'postern resume in' or the end of --for.",
      ]),
    Command(
      .pauseOut, options: [.duration, .reason], level: .operate, changes: true,
      "stop sending; mail is accepted and waits",
      details: ["Lifetimes stand still. Stays over restarts, until 'postern resume out' or the end of --for."]),
    Command(
      .pauseUpstream, takes: .one(.upstream), options: [.duration, .reason], level: .operate, changes: true,
      "stop sending through one upstream",
      details: ["Lifetimes stand still. Stays over restarts, until 'postern resume upstream' or the end of --for."]),
    Command(.resumeIn, level: .operate, changes: true, "accept clients again"),
    Command(.resumeOut, level: .operate, changes: true, "send again"),
    Command(
      .resumeUpstream, takes: .one(.upstream), level: .operate, changes: true, "send through an upstream again",
      details: ["An upstream that is paused because of trouble is tried at once."]),
    Command(
      .upstreamShow, takes: .one(.upstream), level: .view, "everything known about one upstream",
      details: ["Its health and what to do about it, TLS, login, budgets and what is used of them."]),
    Command(
      .clients, options: [.limit, .watch], level: .view, "who submits: last seen, TLS, login, mail, what it heard",
      details: [
        "All addresses that were here since posternd started, those first that cannot get in. A wide screen shows more:",
        "open sessions, the use of [[client]] rate, exceptions (in brackets those that were not needed), failures.",
        "MAIL is what was accepted in the last hour, and in all. In the JSON everything.",
        "Example: postern clients --watch",
      ]),
    Command(
      .routeTest, options: [.from, .to, .user, .client, .size], level: .view,
      "which way a message would take; nothing is sent",
      details: [
        "The route that decides, its upstreams in order with their state, and the sender that each of them would get.",
        "Example: postern route test --from scanner@example.com --to bob@example.org",
      ]),
    Command(
      .log, takes: .any(.selector), options: [.follow, .limit, .since], level: .view, place: .client,
      "lines of the journal, of all messages or of these",
      details: ["Example: postern log 7KQ2", "Example: postern log -f user:scanner"]),
    Command(
      .reload, level: .admin, changes: true, "read configuration, users, certificate and credentials again",
      details: ["All or nothing: if anything is wrong, what ran before goes on, and the exit code is 78."]),
    Command(.usersList, level: .admin, "who may log in, and when they last did"),
    Command(
      .usersAdd, takes: .one(.user), options: [.ask, .passwordStdin], level: .admin, place: .client, changes: true,
      "give a person or a device a login",
      details: [
        "Makes a password and shows it once, unless one of the options says where it comes from.",
        "If NAME exists, its password is replaced and the answer says so (exit 0); a disabled user stays disabled.",
        "Written to the file named by [access] users_file; a running posternd takes it over at once.",
        "With -q a password that was made is the only output: PW=$(postern -q users add scanner)",
      ]),
    Command(
      .usersPasswd, takes: .one(.user), options: [.ask, .passwordStdin], level: .admin, place: .client, changes: true,
      "replace the password of a login",
      details: ["As 'users add', but NAME has to exist. The old password ends at once."]),
    Command(
      .usersDisable, takes: .one(.user), level: .admin, place: .client, changes: true,
      "refuse a login without forgetting it", details: ["Its password stays; 'postern users enable' takes it back."]),
    Command(
      .usersEnable, takes: .one(.user), level: .admin, place: .client, changes: true, "accept a disabled login again"),
    Command(
      .usersRemove, takes: .one(.user), options: [.dryRun, .yes], level: .admin, place: .client, changes: true,
      isFinal: true,
      "forget a login", details: ["Mail that it has handed in is sent all the same."]),
    Command(
      .credsList, level: .admin, "logins of the gateway at its upstreams: set when, worked when",
      details: ["Never shows a secret."]),
    Command(
      .credsSet, takes: .one(.upstream),
      options: [.clientSecret, .clientCertificate, .stdin, .noTest], level: .admin, place: .client,
      changes: true, "replace the password or the application's secret for an upstream, without a restart",
      details: [
        "Asks for it on the terminal, without echo, and tries it at the upstream first. If it is refused, the old one",
        "stays in force, and the exit code is 1. If it works, mail that waited for it leaves.",
        "Without a running posternd, and with --no-test, it is stored as it is.",
        "Example: postern creds set m365 --client-secret",
      ]),
    Command(
      .credsLogin, takes: .one(.upstream), options: [.refreshToken, .stdin], level: .admin, place: .client,
      changes: true,
      "sign in for an upstream with a browser on any machine (OAuth2)",
      details: [
        "Shows an address and a code, and waits until somebody has signed in there. The login is tried at the upstream;",
        "if it works it is kept and renewed from then on, and mail that waited for it leaves. Needs a running posternd.",
        "With --refresh-token somebody has signed in elsewhere, and brings what that gave.",
      ]),
    Command(
      .credsTest, takes: .one(.upstream), level: .admin, "try the login that is in force, on a connection of its own",
      details: ["Exit 1 if it is refused. If it works, mail that waited for it leaves."]),
    Command(
      .spoolVerify, takes: .optional(.directory), level: .admin, place: .client,
      "read the whole queue on disk and name every damage",
      details: ["Offline: posternd must not run. Changes nothing. Exit 1 if there is damage."]),
    Command(
      .spoolDump, takes: .optional(.directory), level: .admin, place: .client, "every record of the queue on disk",
      details: ["Offline: posternd must not run. Changes nothing. Never shows content."]),
    Command(
      .spoolRepair, takes: .two(.directory, .newDirectory), level: .admin, place: .client, changes: true,
      "make a new queue on disk of all that can be read of a damaged one",
      details: [
        "Offline: posternd must not run. DIR is only read, and NEWDIR must be empty or not there yet.",
        "Every message that can be read whole is in NEWDIR then, with its id and state. Exit 1 if one could not.",
        "Example: postern spool repair /var/lib/postern/queue /var/lib/postern/queue.new",
      ]),
    Command(
      .spoolAdopt, takes: .one(.directory), level: .admin, place: .client, changes: true,
      "take over the messages of another machine's queue",
      details: [
        "Offline: posternd must not run, neither here nor on DIR. DIR is only read; what it holds is sent from here.",
        "Ids and states stay. Twice is once: what was taken over before is left out. Exit 1 if a message is unreadable.",
      ]),
    Command(.help, takes: .any(.command), level: .view, place: .client, "this list, or one command in full"),
    Command(.version, level: .view, place: .client, "version of this program"),
    Command(.complete, level: .view, "what can stand at the end of a line"),
  ]

  /// Those that people type.
  package static var visible: [Command] { commands.filter { !$0.isHidden } }

  package static func command(_ name: Command.Name) -> Command {
    // The table has a line for each name; a test holds it to that.
    commands.first { $0.name == name }!
  }

  /// Finds the command at the beginning of `words`, and how many of them are its name. No abbreviations: a new verb must
  /// not change what a script means.
  package static func find(_ words: [String]) throws(AdminError) -> (command: Command, count: Int) {
    for command in visible where words.starts(with: command.words) { return (command, command.words.count) }
    let nouns = visible.filter { $0.words.count > 1 && $0.words[0] == words.first }
    if words.count == 1, !nouns.isEmpty {
      let verbs = nouns.map { $0.words[1] }.joined(separator: ", ")
      throw .usage("missing_verb", "'\(words[0])' needs one of: \(verbs)", hint: "postern \(nouns[0].usage)")
    }
    let tried = words.prefix(nouns.isEmpty ? 1 : 2).joined(separator: " ")
    throw unknown(tried, words: words, among: visible.map(\.name.rawValue))
  }

  /// Names the nearest of `names`. With `words`, a name of two words may also be near to the first two.
  package static func unknown(_ typed: String, words: [String] = [], among names: [String]) -> AdminError {
    let nearest =
      NearestName.of(typed, among: names) ?? NearestName.of(words.prefix(2).joined(separator: " "), among: names)
    let suggestion = nearest.map { ". Did you mean '\($0)'?" } ?? ""
    return .usage(
      "unknown_command", "unknown command '\(TerminalText.escaped(typed))'\(suggestion)", hint: "postern help")
  }
}
