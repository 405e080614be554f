// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Where secrets lie that no service manager hands over: `credentials` beside the configuration file, so
/// /etc/postern/credentials for the usual one. The daemon reads there and the console writes there; that both find the
/// same place is all that this is for.
package enum CredentialFiles {
  package static func directory(configurationPath: String) -> String {
    let directory = FileReplacement.directory(of: configurationPath)
    return directory == "/" ? "/credentials" : "\(directory)/credentials"
  }
}

extension Configuration.Upstream {
  /// The credential with the password of this upstream, as `gmail.password`.
  package var passwordCredential: String { "\(credential).password" }
  /// What the gateway shows to a token endpoint as itself.
  package var clientSecretCredential: String { "\(credential).client-secret" }
  /// Certificate and key in PEM, for a token endpoint or for `auth = "external"`.
  package var clientCertificateCredential: String { "\(credential).client-certificate" }
}
