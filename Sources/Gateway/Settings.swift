// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import OAuth
import SMTP
import Synchronization
import Systemd
import TLS

/// The configuration and all that is loaded because of it, as one immutable value: what a session or a delivery began
/// with stays whole for it, and a reload swaps everything or nothing.
package struct Settings: Sendable {
  package var configuration: Configuration
  package var users: UsersFile
  /// nil: no listener uses TLS.
  package var serverTLS: TLSContext?
  /// For clients that may speak TLS as it was; nil: there are none.
  package var oldServerTLS: TLSContext?
  /// In the order of the configuration, so never empty.
  package var upstreams: [UpstreamSettings]
  /// Made of the configuration.
  package let routes: RouteTable
  /// Whom no trusted network holds for, whatever its range.
  package var routers: Set<IPAddress> = []

  package init(
    configuration: Configuration, users: UsersFile, serverTLS: TLSContext?, upstreams: [UpstreamSettings]
  ) {
    self.configuration = configuration
    self.users = users
    self.serverTLS = serverTLS
    let postmaster = configuration.postmasterAddress
    self.upstreams = upstreams.map { upstream in
      var upstream = upstream
      upstream.postmaster = postmaster
      return upstream
    }
    routes = RouteTable(configuration)
  }

  /// Whether a client may hand in mail without a login: because of where it is, or because of a `[[client]]`. That a
  /// router is within the network of one says nothing of those whom it speaks for; its own address does.
  func needsNoLogin(_ address: IPAddress) -> Bool {
    if trusts(address) { return true }
    guard let client = configuration.client(at: address), client.allow.contains(.noAuth) else { return false }
    return !routers.contains(address) || client.addresses.contains { $0.isOneAddress && $0.contains(address) }
  }

  /// Whether a client needs no login because of where it is.
  func trusts(_ address: IPAddress) -> Bool {
    !routers.contains(address) && configuration.access.trusted.contains { $0.contains(address) }
  }

  /// What a client's handshake is made with: chosen before its first octet, by where it is.
  func serverTLS(for address: IPAddress) -> TLSContext? {
    guard let oldServerTLS, configuration.client(at: address)?.allow.contains(.tls10) == true else { return serverTLS }
    return oldServerTLS
  }

  package func upstream(named name: String) -> UpstreamSettings? { upstreams.first { $0.name == name } }
}

/// Why settings cannot be had. The text says what to mend.
package struct SettingsError: Error, Sendable, CustomStringConvertible {
  package let description: String
  /// The same in one line, for the log.
  package let summary: String

  init(_ errors: ConfigurationErrors) {
    description = errors.description
    summary = errors.summary
  }

  init(_ text: String) {
    description = text
    summary = text
  }

  init(_ error: any Error) {
    description = "\(error)"
    summary = description
  }
}

extension Settings {
  /// Reads the configuration and every file it names. `old` are the settings that are in force; nil at the start, when
  /// a gateway that keeps mail is better than none because a password is missing. Blocks; never called on an event loop.
  package static func load(path: String, replacing old: Settings? = nil) throws(SettingsError) -> Settings {
    switch ConfigurationLoader.load(path: path) {
    case .failure(let errors): throw SettingsError(errors)
    case .success(let configuration):
      let rules: ExplainRules
      switch ExplainRules.load(configurationPath: path) {
      case .failure(let errors): throw SettingsError(errors)
      case .success(let found): rules = found
      }
      return try load(configuration, rules, replacing: old, credentials: credentials(configurationPath: path))
    }
  }

  /// Where secrets are looked for.
  static func credentials(configurationPath: String) -> Credentials {
    Credentials(fallbackDirectory: CredentialFiles.directory(configurationPath: configurationPath))
  }

  private static func load(
    _ configuration: Configuration, _ rules: ExplainRules, replacing old: Settings?, credentials: Credentials
  ) throws(SettingsError) -> Settings {
    do {
      let usesTLS = configuration.listeners.contains { $0.security != .none }
      var settings = Settings(
        configuration: configuration,
        // No file is no users yet: `postern users add` makes it.
        users: try UsersFile.read(configuration.access.usersFile) ?? UsersFile(),
        serverTLS: usesTLS
          ? try TLSContext.server(
            certificate: configuration.tls.certificate, key: configuration.tls.key,
            minimum: TLSVersion(rawValue: configuration.tls.minimum.rawValue)!,
            clientAuthorities: configuration.tls.clientAuthorities)
          : nil,
        upstreams: try configuration.upstreams.map { upstream in
          try UpstreamSettings.load(
            upstream, hostname: configuration.hostname, rules, replacing: old, from: credentials)
        })
      if let fault = settings.routes.fault { throw SettingsError(fault) }
      settings.routers = DefaultGateways.read()
      if usesTLS, configuration.clients.contains(where: { $0.allow.contains(.tls10) }) {
        // They are asked for no certificate: what they accept, one could be forged with, and some would stop over the
        // question.
        settings.oldServerTLS = try TLSContext.server(
          certificate: configuration.tls.certificate, key: configuration.tls.key, minimum: .v10)
      }
      return settings
    } catch let error as SettingsError {
      throw error
    } catch {
      throw SettingsError(error)
    }
  }

  /// The same with another secret for one upstream.
  func logging(_ name: String, inWith credential: UpstreamCredential) -> Settings {
    var settings = self
    for place in upstreams.indices where upstreams[place].name == name {
      settings.upstreams[place] = upstreams[place].logging(inWith: credential)
    }
    return settings
  }

  /// What is wrong and yet no reason not to run, in words for the admin.
  package var findings: [String] { upstreams.compactMap(\.finding) }

  /// Of these, what somebody who checks a file before it is used must mend first.
  package var faults: [String] { upstreams.filter { $0.certificateFault != nil }.compactMap(\.finding) }
}

/// The settings in force. Readers take `current` once for each session or delivery.
package final class SettingsHolder: Sendable {
  private let settings: Mutex<Settings>

  package init(_ settings: Settings) {
    self.settings = Mutex(settings)
  }

  package var current: Settings { settings.withLock { $0 } }

  package func replace(_ new: Settings) {
    settings.withLock { $0 = new }
  }
}
