// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import Testing

@testable import SMTP

@Suite("An upstream that says goodbye, or nothing")
struct FarewellTests {
  private let message = ClientTransaction(
    envelope: Envelope(sender: nil, recipients: [Address("r@example.net")!]), octets: 10, isEightBit: false)

  /// Without PIPELINING, so that one reply is due at a time. Returns the end.
  private func play(_ replies: [String], delivers: Bool = false) -> ClientSession.Action {
    var session = ClientSession(
      policy: ClientPolicy(
        hostname: "gate.test", security: .implicit,
        login: delivers ? nil : ClientLogin(name: "u", password: Secret("p"), mechanism: .login)),
      nonce: [1])
    var output = ByteBuffer()
    session.tlsStarted(ChannelBindings(), into: &output)
    for reply in replies {
      var input = ByteBuffer(string: reply)
      let end = session.received(&input, into: &output)
      if delivers, end == .ready { _ = session.deliver(message, into: &output) } else if end != .wait { return end }
    }
    return .wait
  }

  private static let upToAUTH = [
    "220 x\r\n", "250-x\r\n250 AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n", "334 UGFzcw==\r\n",
  ]
  private static let upToMAIL = ["220 x\r\n", "250 x\r\n"]

  @Test(
    "in the breath of a refusal is not asked what it meant: the refusal counts",
    arguments: [
      (upToAUTH, "535 5.7.8 no\r\n421 bye\r\n", UpstreamTrouble.Kind.login),
      (upToAUTH, "535 5.7.8 no\r\n250 bye\r\n", .broken), (upToAUTH, "535 5.7.8 no\r\n42", .broken),
      (["220 x\r\n"], "550 no\r\n421 bye\r\n", .broken), ([], "220 x\r\n250 x\r\n", .broken),
      (["220 x\r\n", "250-x\r\n250 AUTH LOGIN\r\n"], "334 VXNlcm5hbWU6\r\n421 bye\r\n", .broken),
    ])
  func login(before: [String], last: String, kind: UpstreamTrouble.Kind) {
    guard case .failed(let trouble, []) = play(before + [last]) else {
      Issue.record("no trouble")
      return
    }
    #expect(trouble.kind == kind)
    #expect(trouble.text.text.contains("535") == (kind == .login))
  }

  @Test("in the breath of a refusal has refused the message, and not put it off for ever")
  func refusedMessage() {
    for before in [[], ["250 ok\r\n"], ["250 ok\r\n", "250 ok\r\n"]] {
      let end = play(Self.upToMAIL + before + ["550 5.7.1 no\r\n421 bye\r\n"], delivers: true)
      guard case .finished(let results) = end else {
        Issue.record("\(end)")
        continue
      }
      #expect(results == [.failed(Reply(550, EnhancedStatus(5, 7, 1), "no"))])
    }
    // Behind 354 nothing is ended yet.
    let end = play(Self.upToMAIL + ["250 ok\r\n", "250 ok\r\n", "354 go\r\n421 bye\r\n"], delivers: true)
    guard case .failed(let trouble, let results) = end, case .deferred = results.first else {
      Issue.record("\(end)")
      return
    }
    #expect(trouble.kind == .broken)
  }

  @Test("instead of TLS is given up as soon as one that begins with STARTTLS")
  func handshake() {
    var session = ClientSession(
      policy: ClientPolicy(hostname: "gate.test", security: .implicit, login: nil), nonce: [1])
    #expect(session.patienceSeconds == Limits.upstreamHandshakeSeconds)
    var output = ByteBuffer()
    session.tlsStarted(ChannelBindings(), into: &output)
    #expect(session.patienceSeconds == Limits.greetingSeconds)
  }
}
