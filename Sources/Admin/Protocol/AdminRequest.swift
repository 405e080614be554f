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
    caps = CommandTable.commands.filter { $0.place == .daemon && $0.level <= level }.map(\.wireName)
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

    package init(select: String? = nil, all: Bool? = nil, message: String? = nil) {
      self.select = select
      self.all = all
      self.message = message
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
    guard let command = CommandTable.commands.first(where: { $0.place == .daemon && $0.wireName == cmd }) else {
      throw CommandTable.unknown(cmd, among: CommandTable.commands.filter { $0.place == .daemon }.map(\.wireName))
    }
    try command.checkTarget(select: args.select, all: args.all ?? false)
    if command.takes == .one(.id), args.message == nil { throw command.missingArgument }
    return command
  }
}
