// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Crypto
import NIOCore
import SMTP
import Systemd

/// A new secret for an upstream while mail goes on: tried out first, then put in force as a reload would. No restart,
/// nothing bounces, and the old one stays in force unless the new one works.
extension Gateway {
  typealias CredentialResult = Result<CredentialChangeReply, AdminError>

  private var credentialFiles: Credentials { Settings.credentials(configurationPath: configurationPath) }

  /// `completed` is called once, on any thread, within about `Limits.loginProbeSeconds`.
  func setCredential(
    _ upstreamName: String, secret: Secret, test: Bool, by: String,
    completed: @escaping @Sendable (CredentialResult) -> Void
  ) {
    let settings = settings.current
    let upstream = settings.configuration.upstream
    guard upstream.name == upstreamName, let name = upstream.credentialName else {
      return completed(.failure(.upstreamHasNoLogin(upstreamName)))
    }
    if let fault = UpstreamCredential.fault(in: secret) {
      return completed(.failure(.usage("bad_secret", "cannot set \(name): \(fault)")))
    }
    guard test else { return adopt(secret, by: by, testedWith: settings, probe: nil, completed) }
    guard !isProbing.exchange(true, ordering: .acquiringAndReleasing) else {
      return completed(.failure(.probeUnderWay(name)))
    }
    let tried = settings.logging(inWith: .set(name, to: secret, by: by, at: clock.now().wall, over: credentialFiles))
    LoginProbe.run(tried, queue: queue, threads: threads.disk, connector: connector, on: dispatcherLoop)
      .whenComplete { result in
        self.isProbing.store(false, ordering: .releasing)
        switch result {
        case .success(.accepted(let reply, let milliseconds)):
          self.adopt(secret, by: by, testedWith: settings, probe: (reply, milliseconds), completed)
        case .success(.refused(let trouble)), .success(.untested(let trouble)):
          self.log.report(.credentialRefused(name, upstream: upstreamName, by: by, trouble))
          completed(.failure(.credentialStays(name, of: upstreamName, trouble)))
        case .failure(let error):
          let trouble = UpstreamTrouble(.unreachable, at: "connect", "\(error)")
          completed(.failure(.credentialStays(name, of: upstreamName, trouble)))
        }
      }
  }

  /// Puts the secret in force, on a thread that may wait for the disk.
  private func adopt(
    _ secret: Secret, by: String, testedWith tested: Settings, probe: (reply: Reply?, milliseconds: Int64)?,
    _ completed: @escaping @Sendable (CredentialResult) -> Void
  ) {
    runInBackground {
      completed(self.reloads.withLock { _ in self.swap(secret, by: by, testedWith: tested, probe: probe) })
    }
  }

  private func swap(
    _ secret: Secret, by: String, testedWith tested: Settings, probe: (reply: Reply?, milliseconds: Int64)?
  ) -> CredentialResult {
    let current = settings.current
    let upstream = current.configuration.upstream
    guard let name = upstream.credentialName, upstream == tested.configuration.upstream else {
      return .failure(.upstreamChanged(tested.configuration.upstream.name))
    }
    let new = current.logging(inWith: .set(name, to: secret, by: by, at: clock.now().wall, over: credentialFiles))
    settings.replace(new)
    let isPaused = pauses.current.outgoing(through: upstream.name) != nil
    let released = isPaused ? 0 : queue.readyCount(now: clock.now())
    log.report(
      .credentialChanged(name, upstream: upstream.name, by: by, reply: probe?.reply, released: released))
    dispatcherLoop.execute { self.dispatcher.value.replace(new, loginWorks: probe != nil) }
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
    _ credential: String, of upstream: String, _ trouble: UpstreamTrouble
  ) -> AdminError {
    let context = ["\(credential) is as it was; mail for \(upstream) is kept"]
    if trouble.isRefusalOfLogin {
      return AdminError(
        "creds.refused", "\(upstream) refused the new secret: \(trouble.text)", context: context,
        hint: "postern creds set \(upstream)", exit: .no)
    }
    return AdminError(
      "creds.untested", "cannot try the new secret at \(upstream): \(trouble)", context: context,
      hint: "postern creds set \(upstream) --no-test", exit: .temporary)
  }
}
