// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// First line from the daemon: what this connection may do. A client that knows more than the daemon asks `caps`.
package struct Greeting: Sendable, Equatable, Codable {
  package var v: Int
  package var server: String
  package var level: Command.Level
  /// Commands that the daemon answers, as `AdminRequest.cmd` writes them.
  package var caps: [String]

  package init(level: Command.Level) {
    v = ControlLine.version
    server = "posternd"
    self.level = level
    caps = CommandTable.commands.filter { $0.isAsked && $0.level <= level }.map(\.wireName)
  }
}

/// One command to the daemon. The client numbers its requests; every line of the answer bears the number.
package struct AdminRequest: Sendable, Equatable, Codable {
  package var v: Int
  package var id: Int
  package var cmd: String
  package var args: Arguments

  /// Members that a command does not use are ignored, like members that we do not know.
  package struct Arguments: Sendable, Equatable, Codable {
    /// Terms of a selector, separated by spaces; all of them must match.
    package var select: String?
    /// Every message; in the place of a selector.
    package var all: Bool?
    /// Id of one message, or four or more characters of its beginning.
    package var message: String?
    /// What a command is about that is no set of messages: an upstream, a user; an id too, for `why`.
    package var name: String?
    /// Say what would be changed, and change nothing.
    package var dryRun: Bool?
    /// Only messages that were accepted no later than this one: those of the preview that was confirmed.
    package var upTo: String?
    /// When the preview was; ages and waits are taken as of then.
    package var asOf: Timestamp?
    /// As many as were confirmed: if more are meant by now, nothing is changed.
    package var confirmed: Int?
    package var reason: String?
    /// How long a hold or a pause lasts; none has no end of its own.
    package var seconds: Int?
    package var noDSN: Bool?
    /// Of `drop`: erase at once.
    package var isNow: Bool?
    package var limit: Int?
    /// A secret, for `creds.set` alone.
    package var secret: SecretText?
    /// Take the secret as it is.
    package var noTest: Bool?
    /// What the secret is: none is the password; client-secret, client-certificate, refresh-token.
    package var kind: String?
    /// Of `creds.login`: what became of the sign-in that was begun.
    package var wait: Bool?
    /// A line up to its cursor, for `complete`.
    package var line: String?
    /// A delivery that is only thought of, for `route.test`: as typed.
    package var from: String?
    package var to: String?
    package var user: String?
    package var client: String?
    package var size: String?

    package init(
      select: String? = nil, all: Bool? = nil, message: String? = nil, name: String? = nil, dryRun: Bool? = nil,
      upTo: String? = nil, asOf: Timestamp? = nil, confirmed: Int? = nil, reason: String? = nil, seconds: Int? = nil,
      noDSN: Bool? = nil, isNow: Bool? = nil, limit: Int? = nil,
      secret: SecretText? = nil, noTest: Bool? = nil, kind: String? = nil, wait: Bool? = nil,
      line: String? = nil
    ) {
      self.select = select
      self.all = all
      self.message = message
      self.name = name
      self.dryRun = dryRun
      self.upTo = upTo
      self.asOf = asOf
      self.confirmed = confirmed
      self.reason = reason
      self.seconds = seconds
      self.noDSN = noDSN
      self.isNow = isNow
      self.limit = limit
      self.secret = secret
      self.noTest = noTest
      self.kind = kind
      self.wait = wait
      self.line = line
    }

    private enum CodingKeys: String, CodingKey {
      case select, all, message, name, confirmed, reason, limit, secret, kind, wait, line, from, to, user, client, size
      case dryRun = "dry_run"
      case upTo = "up_to"
      case asOf = "as_of"
      case seconds = "for_s"
      case noDSN = "no_dsn"
      case isNow = "now"
      case noTest = "no_test"
    }
  }

  package init(id: Int, command: Command, args: Arguments = Arguments()) {
    v = ControlLine.version
    self.id = id
    cmd = command.wireName
    self.args = args
  }

  private enum CodingKeys: CodingKey { case v, id, cmd, args }

  package init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: CodingKeys.self)
    v = try members.decode(Int.self, forKey: .v)
    id = try members.decode(Int.self, forKey: .id)
    cmd = try members.decode(String.self, forKey: .cmd)
    args = try members.decodeIfPresent(Arguments.self, forKey: .args) ?? Arguments()
  }

  /// The line of the table that this request names, if its arguments are what that line wants.
  package func command() throws(AdminError) -> Command {
    guard v == ControlLine.version else {
      throw .usage("version", "posternd speaks version \(ControlLine.version) of the control protocol, not \(v)")
    }
    guard let command = CommandTable.commands.first(where: { $0.isAsked && $0.wireName == cmd }) else {
      throw CommandTable.unknown(cmd, among: CommandTable.visible.filter(\.isAsked).map(\.wireName))
    }
    try command.checkTarget(select: args.select, all: args.all ?? false)
    switch command.takes {
    case .one(.id): if args.message == nil { throw command.missingArgument }
    case .one: if args.name == nil { throw command.missingArgument }
    case .nothing, .two, .optional, .any: break
    }
    guard args.dryRun != true || command.takes == .any(.selector) else {
      throw .usage("no_dry_run", "'\(command.name.rawValue)' has no dry run here: the console says what it would do")
    }
    if let reason = args.reason { try Command.Option.reason.check(reason) }
    if let seconds = args.seconds, !(1...TimeSpan.secondsMax).contains(seconds) {
      throw .usage("bad_value", "'for_s' is from 1 to \(TimeSpan.secondsMax)")
    }
    return command
  }
}
