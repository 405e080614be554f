// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// What the admin has said about the authorization server of one upstream, and who we are there.
package struct OAuthSettings: Sendable, Hashable {
  /// Whose habits the server has.
  package enum Provider: Sendable, Hashable {
    case microsoft
    case google
    case other
  }

  package var provider: Provider
  package var clientID: String
  package var tokenAddress: EndpointAddress
  /// nil: nobody can sign in with a code (RFC 8628).
  package var deviceAddress: EndpointAddress?
  /// What is asked for when the application itself logs in, and when a person has signed in.
  package var applicationScope: String
  package var deviceScope: String
  /// A file of CA certificates for the server; nil is the system's store.
  package var authorities: String?

  package init(
    provider: Provider, clientID: String, tokenAddress: EndpointAddress, deviceAddress: EndpointAddress?,
    applicationScope: String, deviceScope: String, authorities: String? = nil
  ) {
    self.provider = provider
    self.clientID = clientID
    self.tokenAddress = tokenAddress
    self.deviceAddress = deviceAddress
    self.applicationScope = applicationScope
    self.deviceScope = deviceScope
    self.authorities = authorities
  }
}

/// Settings, and what proves that we are who they say: all that is needed to ask for tokens. A value that a reload
/// replaces; it holds no token.
package struct OAuthClient: Sendable {
  /// How the application proves itself (RFC 6749 section 2.3, RFC 7523 section 2.2).
  package enum Proof: Sendable {
    /// It does not: a public client.
    case none
    case secret(Secret)
    case certificate(SigningIdentity)
  }

  /// Who logs in at the upstream.
  package enum Flow: String, Sendable {
    /// The application itself (RFC 6749 section 4.4).
    case application
    /// A person who has signed in once (RFC 8628), for whom tokens are refreshed.
    case device
  }

  package let settings: OAuthSettings
  package let proof: Proof
  package let flow: Flow

  /// With a proof the application logs in itself. Google does not let it: its proof belongs to the person's sign-in. So it
  /// is with a server that has an address for signing in and no habits that we know.
  package init(_ settings: OAuthSettings, proof: Proof) {
    self.settings = settings
    self.proof = proof
    switch (proof, settings.provider) {
    case (.none, _), (_, .google): flow = .device
    case (_, .microsoft): flow = .application
    case (_, .other): flow = settings.deviceAddress == nil ? .application : .device
    }
  }

  package var scope: String { flow == .application ? settings.applicationScope : settings.deviceScope }

  /// What brings a new sign-in of a person.
  package func signInCommand(_ upstream: String) -> String {
    settings.deviceAddress == nil
      ? "postern creds login \(upstream) --refresh-token" : "postern creds login \(upstream)"
  }

  /// As `creds list` names it.
  package var kind: String {
    switch (flow, proof) {
    case (.device, _): "device login"
    case (.application, .certificate): "client certificate"
    case (.application, _): "client secret"
    }
  }
}

extension OAuthClient: Equatable {
  package static func == (a: OAuthClient, b: OAuthClient) -> Bool {
    a.settings == b.settings && a.proof == b.proof
  }
}

extension OAuthClient.Proof: Equatable {
  package static func == (a: OAuthClient.Proof, b: OAuthClient.Proof) -> Bool {
    switch (a, b) {
    case (.none, .none): true
    case (.secret(let a), .secret(let b)): a == b
    case (.certificate(let a), .certificate(let b)): a.sha256Thumbprint == b.sha256Thumbprint
    default: false
    }
  }
}
