// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import SMTP
import TLS

/// Who the client is: by what it showed in the handshake, and by what `LoginChecker` says of its logins.
extension SubmissionHandler {
  /// Who the client is by what it showed in the handshake.
  func certificate(_ context: ChannelHandlerContext) -> ClientCertificate {
    let handler = try? context.pipeline.syncOperations.handler(type: TLSHandler.self)
    let login = CertificateLogin(handler?.shownCertificate, users: submission.settings.users)
    if let fault = login.fault {
      witness.certificateRefused(fault)
      // The file may have the user by now; the next connection will see him.
      submission.logins.lookAtUsers(on: context.eventLoop)
    }
    return login.certificate
  }

  func lookUp(_ name: String, _ mechanism: SASLMechanism, _ context: ChannelHandlerContext) {
    isSuspended = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    submission.logins.lookUp(name, from: addressText, on: context.eventLoop).whenSuccess { found in
      bound.value.lookedUp(found, name, mechanism)
    }
  }

  private func lookedUp(_ found: LoginChecker.LookedUp, _ name: String, _ mechanism: SASLMechanism) {
    guard let context, !isClosing else { return }
    let action: ServerSession.Action?
    switch found {
    case .verifier(let verifier):
      challenged = verifier
      let handler = try? context.pipeline.syncOperations.handler(type: TLSHandler.self)
      let bindings = ChannelBindings(
        exporter: handler?.exporterBinding, serverEndPoint: handler?.serverEndPointBinding)
      action = session.found(verifier, nonce: SecureRandom.octets(18), bindings: bindings, into: &output)
    case .throttled:
      if let refusal = session.refusal(.throttled) { witness.loginThrottled(name, mechanism, refusal) }
      action = session.loginChecked(.throttled, into: &output)
    }
    if action == .close { return close(context) }
    resume(context)
  }

  func verify(_ attempt: LoginAttempt, _ context: ChannelHandlerContext) {
    isSuspended = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    submission.logins.check(attempt, known: challenged, from: addressText, on: context.eventLoop)
      .whenSuccess { bound.value.loginChecked($0, attempt) }
  }

  private func loginChecked(_ checked: ServerSession.LoginVerdict, _ attempt: LoginAttempt) {
    guard let context, !isClosing else { return }
    var verdict = checked
    if verdict == .accepted {
      // Of an exchange that the client gave up behind the verdict.
      if let countedLogin { submission.logins.left(countedLogin) }
      countedLogin = nil
      let limit = submission.listener.maxSessionsPerClient
      if submission.logins.entered(attempt.name, limit: limit) {
        countedLogin = attempt.name
      } else {
        verdict = .crowded
      }
    }
    switch (verdict, session.refusal(verdict)) {
    case (.accepted, _):
      timer.loginIsDone()
      witness.loggedIn(attempt)
    case (.rejected, let refusal?): witness.loginFailed(attempt.name, attempt.mechanism, refusal)
    case (.throttled, let refusal?): witness.loginThrottled(attempt.name, attempt.mechanism, refusal)
    case (.crowded, let refusal?): witness.crowded(refusal)
    default: break
    }
    let own =
      submission.settings.configuration.sender.policy == .own ? submission.logins.addresses(of: attempt.name) : []
    if session.loginChecked(verdict, mayBe: own, into: &output) == .close { return close(context) }
    resume(context)
  }
}
