// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Gateway
import TLS

extension Settings {
  /// Of a gateway that logs in nowhere.
  package static func plain(_ configuration: Configuration, rules: ExplainRules = ExplainRules([])) -> Settings {
    Settings(
      configuration: configuration, users: UsersFile(), serverTLS: nil,
      upstreams: configuration.upstreams.map {
        UpstreamSettings(upstream: $0, hostname: configuration.hostname, tls: plainTLS, rules: rules)
      })
  }

  private static let plainTLS = try! TLSContext.client(authorities: nil, minimum: .v12)
}
