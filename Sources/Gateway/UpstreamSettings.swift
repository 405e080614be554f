// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import OAuth
import SMTP
import TLS

/// What a connection to one upstream is made of: the part of `Settings` that is about it alone.
package struct UpstreamSettings: Sendable {
  package var upstream: Configuration.Upstream
  /// Of this gateway, as it calls itself.
  package var hostname: String
  /// Of the configuration that this is a part of: `Settings` says whose.
  package internal(set) var postmaster = Address("postmaster")!
  /// By name of the `[[client]]`: likewise.
  package internal(set) var forcedSenders: [String: Address] = [:]
  package var tls: TLSContext
  /// For its authorization server, which is another host: no pins, no certificate of ours, no sessions.
  package let tokenTLS: TLSContext
  /// nil: the upstream takes mail without a login, or there is a credential without a secret.
  package var login: ClientLogin?
  /// nil: no login is configured.
  package internal(set) var credential: UpstreamCredential?
  /// Who we are at the authorization server; nil: no tokens are used, or what proves us is missing.
  package private(set) var oauth: OAuthClient?

  /// Why the certificate that we have for it is of no use; nil: there is none, or it is.
  package internal(set) var certificateFault: String?

  /// What its replies mean, and what follows from that.
  package var rules: ExplainRules

  package init(
    upstream: Configuration.Upstream, hostname: String, tls: TLSContext, tokenTLS: TLSContext? = nil,
    login: ClientLogin? = nil, rules: ExplainRules = ExplainRules([])
  ) {
    self.rules = rules
    self.upstream = upstream
    self.hostname = hostname
    self.tls = tls
    self.tokenTLS = tokenTLS ?? tls
    self.login = login
  }

  package var name: String { upstream.name }

  /// The same with another secret; nil is one only where somebody signs in.
  func logging(inWith credential: UpstreamCredential?) -> UpstreamSettings {
    if let settings = OAuthSettings(upstream) {
      var new = self
      new.credential = credential
      if let credential {
        new.oauth = credential.proof.map { OAuthClient(settings, proof: $0) }
      } else {
        new.oauth = OAuthClient(settings, proof: .none)
      }
      return new
    }
    if upstream.mechanism == .external { return logging(inWithCertificateOf: credential) }
    let mechanism: ClientMechanism? =
      switch upstream.mechanism {
      case .plain: .plain
      case .login: .login
      case .cramMD5: .cramMD5
      case .scramSHA256: .scramSHA256
      case .auto, .none, .external, .xoauth2, .oauthbearer: nil
      }
    var settings = self
    settings.credential = credential
    settings.login = credential?.secret.map { secret in
      let password =
        upstream.stripsPasswordSpaces ? Secret(secret.octets.filter { $0 != UInt8(ascii: " ") }) : secret
      let name = upstream.usernameIsPassword ? String(decoding: password.octets, as: UTF8.self) : upstream.username
      return ClientLogin(name: name ?? "", password: password, mechanism: mechanism)
    }
    return settings
  }

  /// Why no mail can leave through it until somebody brings another secret or certificate; nil if all are there.
  var credentialTrouble: UpstreamTrouble? {
    if let certificateFault { return UpstreamTrouble(.tls, at: "tls", certificateFault) }
    guard let credential, case .missing = credential.source else { return nil }
    return UpstreamTrouble(
      .login, at: "auth", "no credential \(credential.name): postern creds set \(name)\(credential.option)")
  }

  /// What to type if the upstream refuses the login that is in force. A token that the authorization server gives to the
  /// application itself is right: then the upstream's own words are what helps.
  package var loginCommand: String {
    guard upstream.usesToken else { return "postern creds set \(name)" }
    guard let oauth else { return "postern creds login \(name)" }
    return oauth.flow == .device ? oauth.signInCommand(name) : "postern creds test \(name)"
  }

  /// As rules tell logins apart.
  var loginKind: ExplainRule.Login { upstream.usesToken ? .token : .password }

  /// Whether sessions begin with a login.
  var logsIn: Bool { login != nil || oauth != nil }

  /// How a token is spoken; nil: the best that is offered.
  var tokenMechanism: ClientMechanism? { upstream.tokenMechanism }

  /// What is wrong and yet no reason not to run, in words for the admin.
  var finding: String? {
    if let certificateFault { return "[upstream.\(name)] \(certificateFault); until then its mail waits" }
    guard let credential, case .missing(let reason) = credential.source else { return nil }
    return "\(reason); mail for \(name) is accepted and waits until 'postern creds set \(name)\(credential.option)'"
  }

  /// As whom mail goes out through it.
  var senderRule: SenderRule { SenderRule(upstream, postmaster: postmaster, forced: forcedSenders) }

  /// How we speak with it.
  func clientPolicy(_ login: ClientLogin?) -> ClientPolicy {
    let security: ClientPolicy.Security =
      switch upstream.security {
      case .implicit: .implicit
      case .starttls: .startTLS
      case .none: .none
      }
    return ClientPolicy(hostname: upstream.helo ?? hostname, security: security, login: login)
  }
}

extension Configuration.Upstream {
  /// The credential that is needed; nil if sessions do not log in.
  var credentialName: String? {
    isCapture || !usesPassword ? nil : passwordCredential
  }
}
