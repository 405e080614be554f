// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Crypto
import Glibc
import OAuth
import SMTP
import Systemd
import TLS

/// The certificate that an upstream is shown: the file `client_certificate`, or the credential of that name.
extension UpstreamSettings {
  /// With everything that its connections need. `old` as for `Settings.load`.
  static func load(
    _ upstream: Configuration.Upstream, hostname: String, _ rules: ExplainRules, replacing old: Settings?,
    from credentials: Credentials
  ) throws -> UpstreamSettings {
    let settings = try UpstreamSettings(
      upstream: upstream, hostname: hostname,
      tls: TLSContext.client(
        authorities: upstream.authorities, minimum: .v12, verification: upstream.serverVerification, resumes: true),
      tokenTLS: TLSContext.client(authorities: upstream.authorities, minimum: .v12), rules: rules
    ).showingCertificate(replacing: old, from: credentials)
    if OAuthSettings(upstream) != nil {
      return settings.logging(
        inWith: try UpstreamCredential.loadProof(of: upstream, replacing: old, from: credentials))
    }
    if upstream.usesCertificateCredential {
      return settings.logging(inWith: try settings.loadCertificate(replacing: old, from: credentials))
    }
    if upstream.mechanism == .external { return settings.logging(inWith: nil) }
    guard let name = upstream.credentialName else { return settings }
    return settings.logging(inWith: try UpstreamCredential.load(name, replacing: old, from: credentials))
  }

  /// With the certificate of a file, or of a credential that is there without anybody logging in with it.
  private func showingCertificate(
    replacing old: Settings?, from credentials: Credentials
  ) throws -> UpstreamSettings {
    guard !upstream.isCapture, upstream.security != .none, let identity = try findIdentity(credentials) else {
      return self
    }
    var settings = self
    do {
      settings.tls = try tls.presenting(identity)
    } catch {
      throw SettingsError("[upstream.\(name)] client_certificate: \(error)")
    }
    guard let fault = Self.fault(ofDatesOf: identity) else { return settings }
    // A start, or a reload for something else, finds what time has done; nobody should bring it in anew.
    let isNew = old.map { $0.upstream(named: name)?.tls.identity != identity } ?? false
    if isNew { throw SettingsError("[upstream.\(name)] \(fault)") }
    if !Self.isEarly(identity) { settings.certificateFault = fault }
    return settings
  }

  private func findIdentity(_ credentials: Credentials) throws -> ClientIdentity? {
    let credential = upstream.clientCertificateCredential
    do {
      if let path = upstream.clientCertificate { return try ClientIdentity(path: path) }
      guard upstream.mechanism != .external, OAuthSettings(upstream) == nil, credentials.exists(credential) else {
        return nil
      }
      let pem = try credentials.read(credential)
      return try ClientIdentity(name: "credential '\(credential)'", pem: pem)
    } catch {
      throw SettingsError(
        "[upstream.\(name)] client_certificate: \(error); certificate, chain and key must stand there in pem form")
    }
  }

  /// The credential of an upstream that logs in with nothing else.
  private func loadCertificate(
    replacing old: Settings?, from credentials: Credentials
  ) throws -> UpstreamCredential {
    let name = upstream.clientCertificateCredential
    let credential = try UpstreamCredential.load(name, replacing: old, from: credentials)
    guard let secret = credential.secret, let fault = fault(of: credential, in: secret) else { return credential }
    let reason = "credential '\(name)' cannot be used: \(fault)"
    guard old == nil else { throw SettingsError(reason) }
    if (try? Self.identity(of: credential, secret)).map(Self.isEarly) == true { return credential }
    return .missing(name, reason)
  }

  /// Why it cannot be what its name says for this upstream; nil if it can.
  func fault(of credential: UpstreamCredential, in secret: Secret) -> String? {
    guard upstream.usesCertificateCredential else { return credential.fault(in: secret) }
    do {
      let identity = try Self.identity(of: credential, secret)
      _ = try tls.presenting(identity)
      return Self.fault(ofDatesOf: identity)
    } catch {
      if case .unusableFile(_, let reason) = error { return reason }
      return "\(error)"
    }
  }

  func logging(inWithCertificateOf credential: UpstreamCredential?) -> UpstreamSettings {
    var settings = self
    settings.credential = credential
    if let credential {
      let identity = credential.secret.flatMap { try? Self.identity(of: credential, $0) }
      // Tried before: see `fault`.
      if let shown = try? tls.presenting(identity) { settings.tls = shown }
    }
    settings.login = settings.tls.identity.map { _ in
      ClientLogin(name: upstream.username ?? "", secret: .certificate, mechanism: .external)
    }
    return settings
  }

  private static func identity(
    of credential: UpstreamCredential, _ secret: Secret
  ) throws(TLSError) -> ClientIdentity {
    try ClientIdentity(name: "credential '\(credential.name)'", pem: secret.octets)
  }

  /// Not valid yet is what a machine without a clock sees until somebody tells it the time: by the first connection that
  /// may be over, and if not the upstream says so.
  private static func isEarly(_ identity: ClientIdentity) -> Bool {
    identity.facts.notBefore > Int64(time(nil)) && identity.facts.notAfter > Int64(time(nil))
  }

  private static func fault(ofDatesOf identity: ClientIdentity) -> String? {
    let now = Int64(time(nil))
    func date(_ seconds: Int64) -> String { Timestamp(milliseconds: seconds * 1000).forPeople }
    let facts = identity.facts
    if facts.notAfter <= now {
      return
        "cannot use \(identity.source): the certificate \(facts.subject) in it expired at \(date(facts.notAfter)): "
        + "put the renewed one there with its key, then: postern reload"
    }
    if facts.notBefore > now {
      return "cannot use \(identity.source): the certificate \(facts.subject) in it is not valid before "
        + "\(date(facts.notBefore)): is this host's clock right?"
    }
    return nil
  }
}

extension Configuration.Upstream {
  var serverVerification: ServerVerification {
    switch verification {
    case .full: .chain
    case .pin: .pins(Set(pins.compactMap { Base64.decode(Array($0.utf8)) }))
    }
  }
}
