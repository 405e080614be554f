// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import Glibc

/// Which gateway is meant, and how to reach it: the configuration's path, its value, its control sockets. `command` is
/// always what was typed behind `postern`, for hints.
struct GatewayLocation {
  let configPath: String
  /// The user named the file; another gateway than that one must not be touched.
  private let isExplicit: Bool

  private static let configPathDefault = "/etc/postern/postern.toml"

  init(option: String?) {
    let environment = getenv("POSTERN_CONFIG").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    isExplicit = option != nil || environment != nil
    configPath = option ?? environment ?? Self.configPathDefault
  }

  func configuration(for command: String) throws(AdminError) -> Configuration {
    switch ConfigurationLoader.load(path: configPath) {
    case .success(let configuration): return configuration
    case .failure(let errors):
      if access(configPath, R_OK) != 0, errno == EACCES {
        throw AdminError(
          "config.permission", "cannot read \(configPath): permission denied",
          hint: "sudo postern \(command)", exit: .noPermission)
      }
      throw AdminError(
        "config.invalid", "the configuration is invalid (\(errors.tally))",
        context: errors.description.split(separator: "\n").map(String.init),
        hint: "posternd --check --config \(configPath)", exit: .configuration)
    }
  }

  /// A configuration that was spoilt, or that this user may not read, does not hide the gateway that runs at the usual
  /// place; but only there, and only if no file was named.
  func connect(for command: String) throws(AdminError) -> ControlClient {
    let directory: String
    var invalid: AdminError?
    do throws(AdminError) {
      directory = try configuration(for: command).control.directory
    } catch {
      guard !isExplicit else { throw error }
      directory = Configuration.Control().directory
      if error.exit == .configuration { invalid = error }
    }
    do throws(AdminError) {
      return try ControlClient.strongest(in: directory, command: command)
    } catch {
      guard let invalid, error.code == "daemon.not_running" else { throw error }
      var both = error
      both.context = [invalid.message] + invalid.context
      both.hint = invalid.hint
      throw both
    }
  }
}
