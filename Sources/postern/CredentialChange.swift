// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import Glibc

/// `creds set`: takes a secret, has the daemon try it and put it in force, and keeps it for the next start. The file is
/// made before the daemon is asked, so that a directory that is closed to us is found while the old secret is in force
/// everywhere; the secret goes into it when the daemon has agreed.
struct CredentialChange {
  private let invocation: Invocation
  private let gateway: GatewayLocation
  private let daemon: DaemonLink
  private let output: Output

  /// Of the daemon; longer ones fit into no AUTH line.
  private static let octetsMax = 8192

  init(_ invocation: Invocation, _ gateway: GatewayLocation, _ daemon: DaemonLink, _ output: Output) {
    self.invocation = invocation
    self.gateway = gateway
    self.daemon = daemon
    self.output = output
  }

  func run() throws(AdminError) -> ExitCode {
    let upstream = try upstream()
    let directory = CredentialFiles.directory(configurationPath: gateway.configPath)
    let path = "\(directory)/\(upstream.passwordCredential)"
    let secret = try secret(for: upstream)
    let file = try prepare(path, in: directory)
    let notes = source(besides: path).map { source in
      ["at its next start posternd reads \(source) first: replace that too"]
    }
    var reply = try change(upstream, secret)
    do throws(FileReplacement.Failure) {
      try file.commit(Array((secret + "\n").utf8))
    } catch {
      throw AdminError(
        "creds.not_stored", "cannot keep the secret in \(path): \(error)",
        context: [reply.live ? "it is in force until posternd ends; then the old one is" : "nothing was changed"],
        hint: "postern \(invocation.typed)", exit: .no)
    }
    reply.stored = path
    reply.notes = notes
    output.print(.credentialChange(reply)) { OutcomeView.lines(reply, style: $0) }
    return .ok
  }

  private func upstream() throws(AdminError) -> Configuration.Upstream {
    let upstream = try gateway.configuration(for: invocation.typed).upstream
    let name = invocation.words[0]
    guard upstream.name == name else {
      let nearest = NearestName.of(name, among: [upstream.name]).map { ". Did you mean '\($0)'?" } ?? ""
      throw AdminError(
        "upstream.unknown", "there is no upstream '\(TerminalText.escaped(name))'\(nearest)",
        hint: "postern creds list", exit: .noInput)
    }
    guard upstream.username != nil else {
      throw AdminError(
        "creds.unused", "upstream \(name) logs in with no password",
        context: ["a login needs 'username' in [upstream.\(name)]"], exit: .noInput)
    }
    return upstream
  }

  private func secret(for upstream: Configuration.Upstream) throws(AdminError) -> String {
    let octets =
      try invocation.has(.stdin)
      ? SecretInput.standardInput(.stdin, octetsMax: Self.octetsMax, instead: "postern creds set \(upstream.name)")
      : SecretInput.typed(
        ["Password for \(upstream.username ?? "") at \(upstream.name) (input hidden): "], option: .stdin)
    guard !octets.isEmpty else { throw SecretInput.refused("it is empty") }
    guard octets.count <= Self.octetsMax else {
      throw SecretInput.refused("it has more than \(Self.octetsMax) octets")
    }
    guard octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), let text = String(validating: octets, as: UTF8.self) else {
      throw SecretInput.refused("it holds a control character, or is not UTF-8")
    }
    return text
  }

  private func prepare(_ path: String, in directory: String) throws(AdminError) -> FileReplacement {
    do {
      return try FileReplacement(of: path)
    } catch {
      let isDenied = error.code == EACCES || error.code == EPERM || error.code == EROFS
      throw AdminError(
        isDenied ? "creds.permission" : "creds.not_stored", "cannot keep a secret in \(directory): \(error)",
        context: ["nothing was changed"],
        hint: isDenied
          ? "sudo postern \(invocation.typed)" : "sudo install -d -m 750 -g postern \(directory)",
        exit: isDenied ? .noPermission : .configuration)
    }
  }

  /// The daemon's part; without a daemon nobody tries the secret.
  private func change(
    _ upstream: Configuration.Upstream, _ secret: String
  ) throws(AdminError) -> CredentialChangeReply {
    let command = CommandTable.command(.credsSet)
    var arguments = AdminRequest.Arguments(name: upstream.name, secret: SecretText(secret))
    if invocation.has(.noTest) { arguments.noTest = true }
    var reply: CredentialChangeReply?
    do throws(AdminError) {
      if !invocation.has(.noTest) {
        output.printForPeople(["trying it at \(upstream.name) ..."])
        output.flush()
      }
      _ = try daemon.perform(
        command, typed: invocation.typed, { AdminRequest(id: $0, command: command, args: arguments) }
      ) {
        if case .credentialChange(let change) = $0 { reply = change }
      }
    } catch {
      guard error.code == "daemon.not_running" else { throw error }
    }
    return reply
      ?? CredentialChangeReply(
        upstream: upstream.name, credential: upstream.passwordCredential, tested: false, released: 0, live: false)
  }

  /// The file that the daemon found first when it started, if it is another one.
  private func source(besides path: String) -> String? {
    let command = CommandTable.command(.credsList)
    var source: String?
    _ = try? daemon.perform(command, typed: "creds list", { AdminRequest(id: $0, command: command) }) {
      if case .credential(let credential) = $0, credential.upstream == invocation.words[0] {
        source = credential.source
      }
    }
    guard let source, source.hasPrefix("/"), Self.resolved(source) != Self.resolved(path) else { return nil }
    return source
  }

  private static func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
