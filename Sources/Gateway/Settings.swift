// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
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
  package var clientTLS: TLSContext
  /// nil: the upstream takes mail without a login, or there is a credential without a secret.
  package var login: ClientLogin?
  /// nil: no login is configured.
  package private(set) var credential: UpstreamCredential?

  package init(
    configuration: Configuration, users: UsersFile, serverTLS: TLSContext?, clientTLS: TLSContext, login: ClientLogin?
  ) {
    self.configuration = configuration
    self.users = users
    self.serverTLS = serverTLS
    self.clientTLS = clientTLS
    self.login = login
  }
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
      return try load(configuration, replacing: old, credentials: credentials(configurationPath: path))
    }
  }

  /// Where secrets are looked for.
  static func credentials(configurationPath: String) -> Credentials {
    Credentials(fallbackDirectory: CredentialFiles.directory(configurationPath: configurationPath))
  }

  private static func load(
    _ configuration: Configuration, replacing old: Settings?, credentials: Credentials
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
            minimum: TLSVersion(rawValue: configuration.tls.minimum.rawValue)!)
          : nil,
        clientTLS: try TLSContext.client(authorities: configuration.upstream.authorities, minimum: .v12),
        login: nil)
      if let name = configuration.upstream.credentialName {
        settings = settings.logging(inWith: try UpstreamCredential.load(name, replacing: old, from: credentials))
      }
      return settings
    } catch {
      throw SettingsError(error)
    }
  }

  /// The same with another secret.
  func logging(inWith credential: UpstreamCredential) -> Settings {
    let upstream = configuration.upstream
    let mechanism: SASLMechanism? =
      switch upstream.mechanism {
      case .plain: .plain
      case .login: .login
      case .auto, .none: nil
      }
    var settings = self
    settings.credential = credential
    settings.login = credential.secret.map {
      ClientLogin(name: upstream.username ?? "", password: $0, mechanism: mechanism)
    }
    return settings
  }

  /// Why no mail can leave until somebody brings the secret; nil if none is missing.
  var credentialTrouble: UpstreamTrouble? {
    guard let credential, case .missing = credential.source else { return nil }
    return UpstreamTrouble(
      .login, at: "auth", "no credential \(credential.name): postern creds set \(configuration.upstream.name)")
  }

  /// What is wrong and yet no reason not to run, in words for the admin.
  package var findings: [String] {
    guard let credential, case .missing(let reason) = credential.source else { return [] }
    let name = configuration.upstream.name
    return ["\(reason); mail for \(name) is accepted and waits until 'postern creds set \(name)'"]
  }
}

extension Configuration.Upstream {
  /// The credential that is needed; nil if sessions do not log in.
  var credentialName: String? {
    provider == .generic && authenticates && username != nil ? passwordCredential : nil
  }
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
