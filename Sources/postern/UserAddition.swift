// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import Glibc
import struct SMTP.SCRAMVerifier

/// `users add`: gets a password, writes its verifier into the users file, and has a running daemon take it over. The
/// password itself is stored nowhere.
struct UserAddition {
  let name: String
  let source: Admin.Command.Option?
  let gateway: GatewayLocation
  let output: Output

  func run() throws(AdminError) -> ExitCode {
    guard UsersFile.isValidName(name) else {
      throw .usage(
        "bad_name", "'\(name)' cannot be the name of a user",
        context: ["it is printable ASCII without space, at most 64 characters, not '#' first"])
    }
    let file = try gateway.configuration().access.usersFile
    let password = try Password(from: source)
    var reply = try write(password, to: file)
    // The answer comes before the reload: a password that we made must not be lost to its failure.
    if !output.isJSON { show(reply) }
    defer { if output.isJSON { show(reply) } }
    reply.live = try reload()
    output.printForPeople([
      reply.live ? "in force now" : "posternd is not running: it takes effect at the next start"
    ])
    return .ok
  }

  private func show(_ reply: UserReply) {
    output.print(.user(reply)) { OutcomeView.lines(reply, style: $0) }
    if let password = reply.password, output.isQuiet { output.print(text: password + "\n") }
    output.flush()
  }

  private func write(_ password: Password, to file: String) throws(AdminError) -> UserReply {
    // Before the file is locked: the derivation takes milliseconds.
    let verifier = SCRAMVerifier(password: password.octets, salt: Password.salt())
    do {
      return try UsersFile.edit(file) { users in
        let old = users.user(named: name)
        // The name was found valid above.
        var user = old ?? UsersFile.User(name: name, verifier: verifier)!
        user.verifier = verifier
        users.set(user)
        return UserReply(
          verb: "add", user: name, replaced: old != nil, disabled: user.isDisabled, file: file,
          password: password.isMade ? password.text : nil, live: false)
      }
    } catch {
      throw failure(error, file: file)
    }
  }

  private func failure(_ error: any Error, file: String) -> AdminError {
    let lines = (error as? ConfigurationErrors)?.errors.map(\.summary) ?? ["\(error)"]
    let directory = file.split(separator: "/").dropLast().joined(separator: "/")
    if access("/" + directory, R_OK | W_OK | X_OK) != 0, errno == EACCES || errno == EPERM {
      return AdminError(
        "users.permission", "user '\(name)' not added", context: lines, hint: "sudo postern users add \(name)",
        exit: .noPermission)
    }
    return AdminError("users.not_written", "user '\(name)' not added", context: lines, exit: .configuration)
  }

  /// False if there is no daemon to tell.
  private func reload() throws(AdminError) -> Bool {
    do throws(AdminError) {
      var client = try gateway.connect()
      let command = CommandTable.command(.reload)
      return try client.perform({ AdminRequest(id: $0, command: command) }) { _ in } == .ok
    } catch {
      if error.code == "daemon.not_running" { return false }
      var error = error
      error.message = "the users file is written, but not in force: \(error.message)"
      error.hint = "postern reload"
      throw error
    }
  }
}
