// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import struct NIOCore.ByteBuffer

/// The AUTH exchange (RFC 4954): who may begin it, what `SASLServer` makes of the lines, and what follows from the verdict.
extension ServerSession {
  package mutating func loginChecked(_ verdict: LoginVerdict, into output: inout ByteBuffer) -> Action {
    guard case .verifying(let attempt) = state else { return .wait }
    state = .awaitingCommand
    switch verdict {
    case .accepted:
      login = attempt.name
      idleCommands = 0
      say(.loginAccepted, into: &output)
    case .rejected:
      return loginFailed(.loginRejected, isToldAlready: true, into: &output)
    case .throttled:
      return loginFailed(.loginThrottled, isToldAlready: true, into: &output)
    case .unavailable:
      say(.loginUnavailable, into: &output)
    }
    return .wait
  }

  mutating func beginLogin(
    _ name: String, _ initialResponse: String?, into output: inout ByteBuffer
  ) throws(Reply) -> Action? {
    guard heloName != nil else { throw .heloFirst }
    guard isTLS else { throw .tlsForLogin }
    guard login == nil else { throw .loginTwice }
    guard transaction == nil else { throw .transactionOpen }
    guard let mechanism = SASLMechanism(rawValue: name) else { throw .mechanismUnknown }
    var sasl = SASLServer(mechanism)
    return take(sasl.begin(initialResponse), of: sasl, into: &output)
  }

  mutating func continueLogin(
    _ sasl: SASLServer, _ line: ArraySlice<UInt8>, into output: inout ByteBuffer
  ) -> Action? {
    var sasl = sasl
    return take(sasl.received(line), of: sasl, into: &output)
  }

  private mutating func take(_ step: SASLServer.Step, of sasl: SASLServer, into output: inout ByteBuffer) -> Action? {
    switch step {
    case .challenge(let challenge):
      output.writeString("334 \(challenge)\r\n")
      state = .awaitingResponse(sasl)
      return nil
    case .verify(let attempt):
      state = .verifying(attempt)
      return .verify(attempt)
    case .refuse(let reply):
      state = .awaitingCommand
      if reply == .loginRejected {
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
    if isToldAlready { output.write(reply) } else { say(reply, to: "AUTH", into: &output) }
    loginFailures += 1
    guard loginFailures >= Limits.loginFailuresMax else { return .wait }
    say(.tooManyLoginFailures, to: "AUTH", into: &output)
    state = .closed
    return .close
  }
}
