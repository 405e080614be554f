// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension AdminRequest {
  /// The command as somebody would type it, for the log and for hints. It never holds the secret.
  package var typed: String {
    var words = cmd.split(separator: ".").map(String.init)
    words += [args.name, args.message, args.select].compactMap { $0 }
    if args.all == true { words.append(Command.Option.all.rawValue) }
    if let seconds = args.seconds { words += [Command.Option.duration.rawValue, TimeSpan.text(seconds: seconds)] }
    if args.noDSN == true { words.append(Command.Option.noDSN.rawValue) }
    if args.isNow == true { words.append(Command.Option.now.rawValue) }
    if let kind = args.kind { words.append("--\(kind)") }
    if args.noTest == true { words.append(Command.Option.noTest.rawValue) }
    if let limit = args.limit { words += [Command.Option.limit.rawValue, String(limit)] }
    for (option, value) in [
      (Command.Option.from, args.from), (.to, args.to), (.user, args.user), (.client, args.client), (.size, args.size),
    ] {
      if let value { words += [option.rawValue, Self.quoted(value)] }
    }
    if args.dryRun == true { words.append(Command.Option.dryRun.rawValue) }
    if let reason = args.reason { words += [Command.Option.reason.rawValue, Self.quoted(reason)] }
    return words.joined(separator: " ")
  }

  private static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
  }
}
