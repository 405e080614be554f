// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import struct NIOCore.ByteBuffer

/// The AUTH exchange (RFC 4954): who may begin it, what `SASLServer` makes of the lines, and what follows from the verdict.
extension ServerSession {
  /// `mayBe` is as whom the login may send, where not everybody may send as anybody.
  package mutating func loginChecked(
    _ verdict: LoginVerdict, mayBe addresses: [MailboxPattern] = [], into output: inout ByteBuffer
  ) -> Action {
    let before = state
    switch before {
    case .verifying, .lookingUp: state = .awaitingCommand
    default: return .wait
    }
    switch verdict {
    case .accepted:
      guard case .verifying(let attempt, var sasl) = before else { return .wait }
      ownAddresses = addresses
      let step = sasl.accepted(attempt.name)
      return take(step, of: sasl, into: &output) ?? .wait
    case .rejected:
      return loginFailed(rejection(in: before), isToldAlready: true, into: &output)
    case .throttled:
      return loginFailed(.loginThrottled, isToldAlready: true, into: &output)
    case .unavailable:
      say(.loginUnavailable, into: &output)
    case .crowded:
      output.write(Reply.tooManySessionsOfLogin)
      state = .closed
      return .close
    }
    return .wait
  }

  /// What the client hears about the verdict, for who tells of it; nil where the session tells itself.
  package func refusal(_ verdict: LoginVerdict) -> Refusal? {
    switch verdict {
    case .rejected: Refusal(command: "AUTH", reply: rejection(in: state))
    case .throttled: Refusal(command: "AUTH", reply: .loginThrottled)
    case .crowded: Refusal(command: "AUTH", reply: .tooManySessionsOfLogin)
    case .accepted, .unavailable: nil
    }
  }

  private func rejection(in state: State) -> Reply {
    if case .verifying(_, let sasl) = state, sasl.mechanism == .external { return .certificateRefused }
    return .loginRejected(rights.clientName)
  }

  mutating func beginLogin(
    _ name: String, _ initialResponse: String?, into output: inout ByteBuffer
  ) throws(Reply) -> Action? {
    guard heloName != nil else { throw .heloFirst }
    guard isTLS else {
      clearLogin = ClearLogin(mechanism: name, initialResponse: initialResponse)
      throw .tlsForLogin
    }
    guard login == nil else { throw .loginTwice }
    guard transaction == nil else { throw .transactionOpen }
    guard let mechanism = SASLMechanism(rawValue: name), mechanism != .external || certificate != .notAsked else {
      throw .mechanismUnknown
    }
    var sasl = SASLServer(mechanism, certificate: certificate)
    return take(sasl.begin(initialResponse), of: sasl, into: &output)
  }

  mutating func continueLogin(
    _ sasl: SASLServer, _ line: ArraySlice<UInt8>, into output: inout ByteBuffer
  ) -> Action? {
    var sasl = sasl
    return take(sasl.received(line), of: sasl, into: &output)
  }

  /// What is stored for the name that `lookUp` asked for. `nonce` is random, new for each exchange.
  package mutating func found(
    _ verifier: SCRAMVerifier, nonce: [UInt8], bindings: ChannelBindings, into output: inout ByteBuffer
  ) -> Action? {
    guard case .lookingUp(var sasl) = state else { return .wait }
    let step = sasl.found(verifier, nonce: nonce, bindings: bindings)
    return take(step, of: sasl, into: &output)
  }

  private mutating func take(_ step: SASLServer.Step, of sasl: SASLServer, into output: inout ByteBuffer) -> Action? {
    switch step {
    case .challenge(let challenge):
      output.writeString("334 \(challenge)\r\n")
      state = .awaitingResponse(sasl)
      return nil
    case .lookUp(let name):
      state = .lookingUp(sasl)
      return .lookUp(name, sasl.mechanism)
    case .verify(let attempt):
      state = .verifying(attempt, sasl)
      return .verify(attempt)
    case .done(let name):
      state = .awaitingCommand
      login = name
      idleCommands = 0
      say(.loginAccepted, into: &output)
      return nil
    case .refuse(let reply):
      state = .awaitingCommand
      if reply.code == 535 {
        let action = loginFailed(reply, isToldAlready: false, into: &output)
        return action == .close ? .close : nil
      }
      say(reply, to: "AUTH", into: &output)
      return countIdleCommand(into: &output) ? nil : .close
    }
  }

  /// Who gave the verdict on a login logs more than the reply.
  private mutating func loginFailed(
    _ reply: Reply, isToldAlready: Bool, into output: inout ByteBuffer
  ) -> Action {
    let reply = reply == .loginRejected() ? .loginRejected(rights.clientName) : reply
    if isToldAlready { output.write(reply) } else { say(reply, to: "AUTH", into: &output) }
    loginFailures += 1
    guard loginFailures >= Limits.loginFailuresMax else { return .wait }
    say(.tooManyLoginFailures, to: "AUTH", into: &output)
    state = .closed
    return .close
  }
}
