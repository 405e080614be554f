// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import OAuth
import SMTP
import Systemd

extension OAuthSettings {
  /// nil: this upstream logs in with no token.
  init?(_ upstream: Configuration.Upstream) {
    guard let oauth = upstream.oauth, upstream.usesToken else { return nil }
    let tokenAddress = EndpointAddress(oauth.tokenURL)
    let host = tokenAddress.host
    let provider: Provider =
      if upstream.provider == "m365" || host.hasPrefix("login.microsoftonline.")
        || host.hasSuffix(".microsoftonline.cn")
      {
        .microsoft
      } else if host == "oauth2.googleapis.com" {
        .google
      } else {
        .other
      }
    self.init(
      provider: provider, clientID: oauth.clientID, tokenAddress: tokenAddress,
      deviceAddress: oauth.deviceURL.map { EndpointAddress($0) }, applicationScope: oauth.scope,
      deviceScope: oauth.deviceScope, authorities: upstream.authorities)
  }
}

extension EndpointAddress {
  /// What the configuration takes is one: an upstream that asks for tokens never goes without.
  fileprivate init(_ address: HTTPSAddress) {
    self.init(host: address.host, port: address.port, path: address.target)
  }
}

extension Configuration.Upstream {
  /// Whether sessions log in with a bearer token.
  var usesToken: Bool {
    switch mechanism {
    case .auto: oauth != nil
    case .xoauth2, .oauthbearer: true
    case .plain, .login, .cramMD5, .scramSHA256, .external, .none: false
    }
  }

  /// What the configuration says about how a token is spoken; nil: the best that is offered.
  var tokenMechanism: ClientMechanism? {
    switch mechanism {
    case .xoauth2: .xoauth2
    case .oauthbearer: .oauthBearer
    default: nil
    }
  }
}

extension UpstreamCredential {
  /// What proves the application, of the two things that can: a certificate goes before a secret. nil: neither is there,
  /// and somebody has to sign in.
  static func loadProof(
    of upstream: Configuration.Upstream, replacing old: Settings?, from credentials: Credentials
  ) throws -> UpstreamCredential? {
    for name in [upstream.clientCertificateCredential, upstream.clientSecretCredential] {
      let previous = old?.upstream(named: upstream.name)?.credential
      let isInForce = previous?.name == name && previous?.secret != nil
      guard isInForce || credentials.exists(name) else { continue }
      let credential = try load(name, replacing: old, from: credentials)
      guard let secret = credential.secret, let fault = credential.fault(in: secret) else { return credential }
      let reason = "credential '\(name)' cannot be used: \(fault)"
      guard old == nil else { throw SettingsError(reason) }
      return .missing(name, reason)
    }
    guard upstream.oauth?.deviceURL == nil else { return nil }
    return .missing(
      upstream.clientSecretCredential, "there is neither \(upstream.clientSecretCredential) nor a certificate")
  }

  /// Why it cannot be what its name says; nil if it can.
  func fault(in secret: Secret) -> String? {
    guard isCertificate else { return Self.fault(in: secret) }
    do {
      _ = try SigningIdentity(pem: secret)
      return nil
    } catch {
      return error.description
    }
  }

  /// As `creds list` names it.
  var kind: String { isCertificate ? "client certificate" : isClientSecret ? "client secret" : "password" }

  var isCertificate: Bool { name.hasSuffix(".client-certificate") }
  private var isClientSecret: Bool { name.hasSuffix(".client-secret") }

  /// What `creds set` wants to hear to bring it.
  var option: String { isCertificate ? " --client-certificate" : isClientSecret ? " --client-secret" : "" }

  /// nil if it proves nothing to an authorization server.
  var proof: OAuthClient.Proof? {
    guard let secret else { return nil }
    if isCertificate { return (try? SigningIdentity(pem: secret)).map { .certificate($0) } }
    return isClientSecret ? .secret(secret) : nil
  }
}

extension Credentials {
  /// Something bears the name, good or bad.
  func exists(_ name: String) -> Bool {
    do {
      _ = try find(name)
      return true
    } catch {
      if case .credentialMissing = error { return false }
      return true
    }
  }
}
