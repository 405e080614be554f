// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import Glibc
import struct SMTP.SCRAMVerifier

/// The `users` commands that change the users file, and have a running daemon take it over. Passwords become verifiers
/// here; they are stored nowhere.
struct UserEdit {
  private let invocation: Invocation
  private let gateway: GatewayLocation
  private let daemon: DaemonLink
  private let output: Output

  init(_ invocation: Invocation, _ gateway: GatewayLocation, _ daemon: DaemonLink, _ output: Output) {
    self.invocation = invocation
    self.gateway = gateway
    self.daemon = daemon
    self.output = output
  }

  private var name: String { invocation.words[0] }
  /// `add`, `passwd`, …: the second word of the command.
  private var verb: String { invocation.command.words[1] }

  func run() throws(AdminError) -> ExitCode {
    guard UsersFile.isValidName(name) else {
      throw .usage(
        "bad_name", "'\(TerminalText.escaped(name))' cannot be the name of a user",
        context: ["it is printable ASCII without space, at most 64 characters, not '#' first"])
    }
    let path = try gateway.configuration(for: invocation.typed).access.usersFile
    if invocation.command.isFinal, try !isAgreed(path) { return .ok }
    let password = try setsPassword ? Password(from: invocation.passwordSource) : nil
    var reply = try edit(path, password)
    // The answer comes before the reload: a password that we made must not be lost to its failure.
    if !output.isJSON { show(reply) }
    defer { if output.isJSON { show(reply) } }
    reply.live = try reload()
    output.printForPeople([
      reply.live ? "in force now" : "posternd is not running: it takes effect at the next start"
    ])
    return .ok
  }

  private var setsPassword: Bool { [.usersAdd, .usersPasswd].contains(invocation.command.name) }

  /// False after a dry run.
  private func isAgreed(_ path: String) throws(AdminError) -> Bool {
    if invocation.has(.yes) { return true }
    let confirmation = try invocation.has(.dryRun) ? nil : Confirmation(for: invocation)
    do {
      _ = try existing(in: try UsersFile.read(path) ?? UsersFile())
    } catch {
      throw failure(error, file: path)
    }
    if let confirmation {
      try confirmation.ask(["Will remove user '\(name)' from \(path): the device or person cannot log in any more."])
      return true
    }
    output.printForPeople(["would remove user '\(name)' from \(path)", "nothing was changed: this is a dry run"])
    return false
  }

  private func show(_ reply: UserReply) {
    output.print(.user(reply)) { OutcomeView.lines(reply, style: $0) }
    if let password = reply.password, output.isQuiet { output.print(text: password + "\n") }
    output.flush()
  }

  private func edit(_ path: String, _ password: Password?) throws(AdminError) -> UserReply {
    // Before the file is locked: the derivation takes milliseconds.
    let verifier = password.map { SCRAMVerifier(password: $0.octets, salt: Password.salt()) }
    do {
      return try UsersFile.edit(path) { users in
        let old = try invocation.command.name == .usersAdd ? users.user(named: name) : existing(in: users)
        var user = old
        switch invocation.command.name {
        // The name was found valid above.
        case .usersAdd: user = user ?? UsersFile.User(name: name, verifier: verifier!)!
        case .usersDisable: user?.isDisabled = true
        case .usersEnable: user?.isDisabled = false
        default: break
        }
        if let verifier { user?.verifier = verifier }
        if invocation.command.name == .usersRemove { _ = users.remove(name) } else { users.set(user!) }
        return UserReply(
          verb: verb, user: name, replaced: old != nil && password != nil, disabled: user!.isDisabled, file: path,
          password: password?.isMade == true ? password?.text : nil, live: false)
      }
    } catch {
      throw failure(error, file: path)
    }
  }

  private func existing(in users: UsersFile) throws(AdminError) -> UsersFile.User {
    if let user = users.user(named: name) { return user }
    let nearest = NearestName.of(name, among: users.users.map(\.name)).map { ". Did you mean '\($0)'?" } ?? ""
    throw AdminError(
      "users.unknown", "there is no user '\(name)'\(nearest)", hint: "postern users list", exit: .noInput)
  }

  private func failure(_ error: any Error, file: String) -> AdminError {
    if let error = error as? AdminError { return error }
    let lines = (error as? ConfigurationErrors)?.errors.map(\.summary) ?? ["\(error)"]
    let directory = file.split(separator: "/").dropLast().joined(separator: "/")
    let message = "nothing was changed for user '\(name)'"
    if access("/" + directory, R_OK | W_OK | X_OK) != 0, errno == EACCES || errno == EPERM {
      return AdminError(
        "users.permission", message, context: lines, hint: "sudo postern \(invocation.typed)", exit: .noPermission)
    }
    return AdminError("users.not_written", message, context: lines, exit: .configuration)
  }

  /// False if there is no daemon to tell.
  private func reload() throws(AdminError) -> Bool {
    do throws(AdminError) {
      let reload = CommandTable.command(.reload)
      return try daemon.perform(reload, typed: "reload", { AdminRequest(id: $0, command: reload) }) { _ in } == .ok
    } catch {
      if error.code == "daemon.not_running" { return false }
      var error = error
      error.message = "the users file is written and holds for new logins, but the reload failed: \(error.message)"
      error.hint = "postern reload"
      throw error
    }
  }
}

extension Invocation {
  /// Where the password comes from; nil if it is to be made.
  fileprivate var passwordSource: Admin.Command.Option? { [.ask, .passwordStdin].first(where: has) }
}
