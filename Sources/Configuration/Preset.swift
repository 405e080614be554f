// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the file of a provider says: the defaults of an `[upstream.NAME]`, with places for what only the admin knows, and
/// what the provider does not take.
struct Preset {
  let name: String
  /// All that needs nothing from the admin's file. Its name and credential mean nothing.
  var defaults: Configuration.Upstream
  /// May hold `{region}`.
  var host: String?
  /// Hosts by region, where they follow no pattern.
  var regions: [(name: String, host: String)] = []
  var needsUsername = false
  /// The one user name that there is; may be `{password}`.
  var username: String?
  /// May hold `{account}`.
  var senders: [String] = []
  /// May be `{account-domain}`.
  var helo: String?
  /// nil: the provider gives out no tokens that we know of.
  var oauth: OAuth?
  var refusals: [Refusal] = []
  /// Its file could not be read whole; what follows from that is not told.
  var isDamaged = false

  /// May hold `{tenant}`.
  struct OAuth {
    var tokenURL: String
    var deviceURL: String?
    var scope = ""
    var deviceScope = ""

    var needsTenant: Bool { Template.holds(Template.tenant, tokenURL + (deviceURL ?? "")) }
  }

  /// Settings that do not work with this provider, all of them together.
  struct Refusal {
    var port: Int?
    var security: Configuration.Security?
    var mechanism: Configuration.Upstream.Mechanism?
    /// What happens.
    var because: String
    /// What to write.
    var instead: String

    func matches(_ upstream: Configuration.Upstream) -> Bool {
      (port.map { $0 == upstream.port } ?? true) && (security.map { $0 == upstream.security } ?? true)
        && (mechanism.map { $0 == upstream.mechanism } ?? true)
    }
  }

  init(name: String) {
    self.name = name
    defaults = Configuration.Upstream(name: name)
    defaults.provider = name
  }

  /// Those that work without a file.
  static let builtIn = ["generic", "capture"]
}
