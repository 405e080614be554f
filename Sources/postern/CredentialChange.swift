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

  /// Of the daemon; longer ones fit into no AUTH line, and a certificate with its key is not as long.
  private static let octetsMax = 8192
  private static let certificateOctetsMax = 32_768

  init(_ invocation: Invocation, _ gateway: GatewayLocation, _ daemon: DaemonLink, _ output: Output) {
    self.invocation = invocation
    self.gateway = gateway
    self.daemon = daemon
    self.output = output
  }

  func run() throws(AdminError) -> ExitCode {
    let upstream = try upstream()
    let kind = try kind(for: upstream)
    let directory = CredentialFiles.directory(configurationPath: gateway.configPath)
    let credential = credential(kind, of: upstream)
    let path = "\(directory)/\(credential)"
    if kind == .clientSecret { try checkNothingGoesFirst(upstream, in: directory) }
    let secret = try secret(kind, for: upstream)
    let file = try prepare(path, in: directory)
    let notes = source(besides: path).map { source in
      ["at its next start posternd reads \(source) first: replace that too"]
    }
    var reply = try change(upstream, kind, credential, secret)
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
    let configuration = try gateway.configuration(for: invocation.typed)
    let name = invocation.words[0]
    guard let upstream = configuration.upstream(named: name) else {
      let names = configuration.upstreams.map(\.name)
      let nearest = NearestName.of(name, among: names).map { ". Did you mean '\($0)'?" } ?? ""
      throw AdminError(
        "upstream.unknown", "there is no upstream '\(TerminalText.escaped(name))'\(nearest)",
        hint: "postern creds list", exit: .noInput)
    }
    if upstream.mechanism == .external, let path = upstream.clientCertificate {
      throw AdminError(
        "creds.unused", "upstream \(name) logs in with the certificate in \(path), and with no credential",
        hint: "replace that file, then: postern reload", exit: .noInput)
    }
    guard !upstream.isCapture, upstream.usesPassword || upstream.oauth != nil || upstream.usesCertificateCredential
    else {
      throw AdminError(
        "creds.unused", "upstream \(name) logs in with no password",
        context: upstream.username == nil ? ["a login needs 'username' in [upstream.\(name)]"] : [], exit: .noInput)
    }
    return upstream
  }

  /// nil is the password. An upstream that wants tokens has none; the secret of its application is what is meant then.
  private func kind(for upstream: Configuration.Upstream) throws(AdminError) -> CredentialKind? {
    let kind: CredentialKind? =
      invocation.has(.clientSecret) ? .clientSecret : invocation.has(.clientCertificate) ? .clientCertificate : nil
    if upstream.usesCertificateCredential {
      guard kind != .clientCertificate else { return kind }
      throw AdminError(
        "creds.unused", "upstream \(upstream.name) logs in with a client certificate, and with nothing else",
        hint: "postern creds set \(upstream.name) --client-certificate FILE", exit: .noInput)
    }
    guard !upstream.usesPassword else {
      guard let kind else { return nil }
      throw AdminError(
        "creds.unused", "upstream \(upstream.name) logs in with a password, and has no use for a \(kind.rawValue)",
        context: ["a login with tokens needs 'oauth' in [upstream.\(upstream.name)]"],
        hint: "postern creds set \(upstream.name)", exit: .noInput)
    }
    return kind ?? .clientSecret
  }

  private func credential(_ kind: CredentialKind?, of upstream: Configuration.Upstream) -> String {
    switch kind {
    case .clientSecret: upstream.clientSecretCredential
    case .clientCertificate: upstream.clientCertificateCredential
    case nil, .refreshToken: upstream.passwordCredential
    }
  }

  /// Of certificate and secret the daemon takes the certificate.
  private func checkNothingGoesFirst(_ upstream: Configuration.Upstream, in directory: String) throws(AdminError) {
    let certificate = "\(directory)/\(upstream.clientCertificateCredential)"
    guard access(certificate, F_OK) == 0 else { return }
    throw AdminError(
      "creds.unused", "posternd uses \(certificate) as long as it is there, and no secret",
      context: ["nothing was changed"], hint: "rm \(certificate)", exit: .noInput)
  }

  private func secret(
    _ kind: CredentialKind?, for upstream: Configuration.Upstream
  ) throws(AdminError) -> String {
    if kind == .clientCertificate { return try certificate() }
    let prompt =
      kind == .clientSecret
      ? "Client secret of the application for \(upstream.name)"
      : "Password for \(upstream.username ?? "the login") at \(upstream.name)"
    let octets =
      try invocation.has(.stdin)
      ? SecretInput.standardInput(.stdin, octetsMax: Self.octetsMax, instead: "postern creds set \(upstream.name)")
      : SecretInput.typed(["\(prompt) (input hidden): "], option: .stdin)
    guard !octets.isEmpty else { throw SecretInput.refused("it is empty") }
    guard octets.count <= Self.octetsMax else {
      throw SecretInput.refused("it has more than \(Self.octetsMax) octets")
    }
    guard octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), let text = String(validating: octets, as: UTF8.self) else {
      throw SecretInput.refused("it holds a control character, or is not UTF-8")
    }
    return text
  }

  private func certificate() throws(AdminError) -> String {
    let path = invocation.options[.clientCertificate] ?? ""
    let octets: [UInt8]
    do {
      octets = try SecretInput.file(path, octetsMax: Self.certificateOctetsMax)
    } catch {
      throw AdminError(
        "secret.refused", "cannot read \(TerminalText.escaped(path)): \(error)", context: ["nothing was changed"],
        exit: .noInput)
    }
    guard let text = String(validating: octets, as: UTF8.self), text.contains("-----BEGIN ") else {
      throw AdminError(
        "secret.refused", "\(TerminalText.escaped(path)) holds nothing in pem form",
        context: ["nothing was changed"], exit: .dataError)
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
    _ upstream: Configuration.Upstream, _ kind: CredentialKind?, _ credential: String, _ secret: String
  ) throws(AdminError) -> CredentialChangeReply {
    do throws(AdminError) {
      return try ask(upstream, kind, secret)
    } catch {
      guard error.code == "daemon.not_running" else { throw error }
      return CredentialChangeReply(
        upstream: upstream.name, credential: credential, tested: false, released: 0, live: false)
    }
  }

  private func ask(
    _ upstream: Configuration.Upstream, _ kind: CredentialKind?, _ secret: String
  ) throws(AdminError) -> CredentialChangeReply {
    let command = CommandTable.command(.credsSet)
    var arguments = AdminRequest.Arguments(name: upstream.name, secret: SecretText(secret))
    arguments.kind = kind?.rawValue
    if invocation.has(.noTest) {
      arguments.noTest = true
    } else {
      output.printForPeople(["trying it at \(upstream.name) ..."])
      output.flush()
    }
    var reply: CredentialChangeReply?
    _ = try daemon.perform(
      command, typed: invocation.typed, { AdminRequest(id: $0, command: command, args: arguments) }
    ) {
      if case .credentialChange(let change) = $0 { reply = change }
    }
    guard let reply else { throw .noAnswer }
    return reply
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

extension AdminError {
  /// The daemon ended its answer before it gave one.
  static let noAnswer = AdminError("daemon.no_answer", "posternd gave no answer to the command", exit: .software)
}
