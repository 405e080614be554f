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
  /// nil: the upstream takes mail without a login.
  package var login: ClientLogin?

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
}

extension Settings {
  /// Reads the configuration and every file it names. Blocks; never called on an event loop.
  package static func load(path: String) throws(SettingsError) -> Settings {
    switch ConfigurationLoader.load(path: path) {
    case .failure(let errors): throw SettingsError(description: "\(errors)")
    case .success(let configuration): return try load(configuration)
    }
  }

  private static func load(_ configuration: Configuration) throws(SettingsError) -> Settings {
    do {
      let usesTLS = configuration.listeners.contains { $0.security != .none }
      return Settings(
        configuration: configuration,
        // No file is no users yet: `postern users add` makes it.
        users: try UsersFile.read(configuration.access.usersFile) ?? UsersFile(),
        serverTLS: usesTLS
          ? try TLSContext.server(
            certificate: configuration.tls.certificate, key: configuration.tls.key,
            minimum: TLSVersion(rawValue: configuration.tls.minimum.rawValue)!)
          : nil,
        clientTLS: try TLSContext.client(authorities: configuration.upstream.authorities, minimum: .v12),
        login: try login(of: configuration.upstream))
    } catch {
      throw SettingsError(description: "\(error)")
    }
  }

  private static func login(of upstream: Configuration.Upstream) throws -> ClientLogin? {
    guard upstream.authenticates, let name = upstream.username else { return nil }
    let mechanism: SASLMechanism? =
      switch upstream.mechanism {
      case .plain: .plain
      case .login: .login
      case .auto, .none: nil
      }
    let password = try Credentials().read("\(upstream.credential).password")
    return ClientLogin(name: name, password: Secret(password), mechanism: mechanism)
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
