// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Crypto
import NIOCore
import OAuth
import SMTP
import Systemd

/// A new secret for an upstream while mail goes on: tried out first, then put in force as a reload would. No restart,
/// nothing bounces, and the old one stays in force unless the new one works.
extension Gateway {
  typealias CredentialResult = Result<CredentialChangeReply, AdminError>

  /// The credential that a kind of secret is for this upstream; nil if it has no use for that.
  private func credentialName(of settings: UpstreamSettings, kind: CredentialKind?) -> String? {
    let upstream = settings.upstream
    if upstream.usesCertificateCredential {
      return kind == nil || kind == .clientCertificate ? upstream.clientCertificateCredential : nil
    }
    guard OAuthSettings(upstream) != nil else { return kind == nil ? upstream.credentialName : nil }
    switch kind {
    case .clientSecret: return upstream.clientSecretCredential
    case .clientCertificate: return upstream.clientCertificateCredential
    case .refreshToken: return nil
    // What is there is replaced.
    case nil: return settings.credential?.name ?? upstream.clientSecretCredential
    }
  }

  private var credentialFiles: Credentials { Settings.credentials(configurationPath: configurationPath) }

  /// `completed` is called once, on any thread, within about `Limits.loginProbeSeconds`.
  func setCredential(
    _ upstreamName: String, kind: CredentialKind?, secret: Secret, test: Bool, by: String,
    completed: @escaping @Sendable (CredentialResult) -> Void
  ) {
    if kind == .refreshToken {
      return setRefreshToken(upstreamName, token: secret, test: test, by: by, completed: completed)
    }
    guard let settings = settings.current.upstream(named: upstreamName),
      let name = credentialName(of: settings, kind: kind)
    else { return completed(.failure(.upstreamHasNoLogin(upstreamName))) }
    let credential = UpstreamCredential.set(name, to: secret, by: by, at: clock.now().wall, over: credentialFiles)
    if let fault = settings.fault(of: credential, in: secret) {
      return completed(.failure(.usage("bad_secret", "cannot set \(name): \(fault)")))
    }
    guard test else { return adopt(credential, by: by, testedWith: settings, probe: nil, completed) }
    guard !isProbing.exchange(true, ordering: .acquiringAndReleasing) else {
      return completed(.failure(.probeUnderWay(name)))
    }
    let tried = settings.logging(inWith: credential)
    let trial = tried.oauth.map { tokens.trial(tried, $0) }
    probe(tried, trial ?? FixedLogin(tried.login)) { verdict in
      trial?.stop()
      self.isProbing.store(false, ordering: .releasing)
      switch verdict {
      case .accepted(let reply, let milliseconds):
        if trial != nil { self.tokens.renew(upstreamName) }
        self.adopt(credential, by: by, testedWith: settings, probe: (reply, milliseconds), completed)
      case .refused(let trouble), .untested(let trouble):
        self.log.report(.credentialRefused(name, upstream: upstreamName, by: by, trouble))
        completed(.failure(.credentialStays(credential, of: upstreamName, trouble)))
      }
    }
  }

  /// Puts the secret in force, on a thread that may wait for the disk.
  private func adopt(
    _ credential: UpstreamCredential, by: String, testedWith tested: UpstreamSettings,
    probe: (reply: Reply?, milliseconds: Int64)?, _ completed: @escaping @Sendable (CredentialResult) -> Void
  ) {
    runInBackground {
      completed(self.reloads.withLock { _ in self.swap(credential, by: by, testedWith: tested, probe: probe) })
    }
  }

  private func swap(
    _ credential: UpstreamCredential, by: String, testedWith tested: UpstreamSettings,
    probe: (reply: Reply?, milliseconds: Int64)?
  ) -> CredentialResult {
    let current = settings.current
    let upstream = tested.upstream
    let name = credential.name
    guard current.upstream(named: upstream.name)?.upstream == upstream else {
      return .failure(.upstreamChanged(upstream.name))
    }
    let new = current.logging(upstream.name, inWith: credential)
    settings.replace(new)
    let isPaused = pauses.current.outgoing(through: upstream.name) != nil
    let released = isPaused ? 0 : readyCount(through: upstream.name)
    log.report(
      .credentialChanged(name, upstream: upstream.name, by: by, reply: probe?.reply, released: released))
    // That of `new`: when the loop comes to it, a reload may have brought other routes.
    let routing = queue.routing
    dispatcherLoop.execute {
      self.dispatcher.value.replace(new, routing: routing, loginWorks: probe == nil ? nil : upstream.name)
    }
    return .success(
      CredentialChangeReply(
        upstream: upstream.name, credential: name, tested: probe != nil, reply: probe?.reply?.description,
        milliseconds: probe.map { Int($0.milliseconds) }, released: released, live: true))
  }
}

extension AdminError {
  fileprivate static func upstreamHasNoLogin(_ upstream: String) -> AdminError {
    AdminError(
      "creds.unused", "upstream \(upstream) logs in with no password",
      context: ["a login needs 'username' in [upstream.\(upstream)]"], exit: .noInput)
  }

  fileprivate static func probeUnderWay(_ credential: String) -> AdminError {
    AdminError(
      "creds.busy", "cannot set \(credential): another secret is being tried at this moment", exit: .temporary)
  }

  fileprivate static func upstreamChanged(_ upstream: String) -> AdminError {
    AdminError(
      "creds.changed", "upstream \(upstream) was configured anew while the secret was tried; nothing is changed",
      hint: "postern creds set \(upstream)", exit: .temporary)
  }

  /// A refusal is an answer; everything else leaves open whether the secret is right.
  fileprivate static func credentialStays(
    _ credential: UpstreamCredential, of upstream: String, _ trouble: UpstreamTrouble
  ) -> AdminError {
    let command = "postern creds set \(upstream)\(credential.option)"
    let context = ["\(credential.name) is as it was; mail for \(upstream) is kept"]
    if trouble.isRefusalOfLogin || (trouble.kind == .login && trouble.stage == "token") {
      return AdminError(
        "creds.refused", "\(upstream) refused the new secret: \(trouble.text)", context: context,
        hint: command, exit: .no)
    }
    return AdminError(
      "creds.untested", "cannot try the new secret at \(upstream): \(trouble)", context: context,
      hint: "\(command) --no-test", exit: .temporary)
  }
}
