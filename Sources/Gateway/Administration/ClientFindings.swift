// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Configuration

/// All that `why` has to know of a client. The gateway gathers it; `ClientExplanation` puts it into words.
package struct ClientFindings: Sendable {
  /// The address, or the name of a `[[client]]`.
  package var subject: String
  package var isAddress: Bool
  /// Empty: it was not here.
  package var records: [ClientRecord]
  package var configuration: Configuration
  /// The main file of the configuration.
  package var path: String
  /// When the daemon began to look, in wall milliseconds.
  package var started: Int64
  /// Numbers of the ports that are listened on.
  package var ports: [Int]
  package var needsNoLogin: @Sendable (IPAddress) -> Bool
  /// Whom others may stand behind.
  package var isRouter: @Sendable (IPAddress) -> Bool

  package init(
    subject: String, isAddress: Bool, records: [ClientRecord], configuration: Configuration, path: String,
    started: Int64, ports: [Int], needsNoLogin: @escaping @Sendable (IPAddress) -> Bool,
    isRouter: @escaping @Sendable (IPAddress) -> Bool
  ) {
    self.subject = subject
    self.isAddress = isAddress
    self.records = records
    self.configuration = configuration
    self.path = path
    self.started = started
    self.ports = ports
    self.needsNoLogin = needsNoLogin
    self.isRouter = isRouter
  }
}
