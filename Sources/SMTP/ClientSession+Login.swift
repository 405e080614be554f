// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

import struct NIOCore.ByteBuffer

/// From the EHLO answer to a dialogue that stands: TLS, login, and what is asked once of each upstream.
extension ClientSession {
  mutating func afterEHLO(into output: inout ByteBuffer) -> Action {
    if policy.security == .startTLS && !isTLS {
      guard extensions.startTLS else {
        return fail(.tls, at: "starttls", "the upstream does not offer STARTTLS; nothing is sent in clear")
      }
      output.writeString("STARTTLS\r\n")
      expected.append(.startTLS)
      return .wait
    }
    guard let login = policy.login else { return stands(into: &output) }
    guard isTLS else { return fail(.login, at: "auth", "no login without TLS") }
    let offered = extensions.authMechanisms
    guard let mechanism = login.choose(from: offered, canBind: bindings.best != nil),
      let sasl = SASLClient(login, mechanism: mechanism, nonce: nonce, binding: binding(for: mechanism))
    else {
      let names = offered.isEmpty ? "none" : offered.sorted().joined(separator: " ")
      return fail(.login, at: "auth", "no usable login mechanism; it offers \(names)")
    }
    output.writeString("\(sasl.command)\r\n")
    expected.append(.auth(sasl))
    return .wait
  }

  private func binding(for mechanism: ClientMechanism) -> SCRAMClient.Binding {
    guard let best = bindings.best else { return .none }
    if mechanism == .scramSHA256Plus { return .bound(name: best.name, data: best.data) }
    return extensions.authMechanisms.contains(ClientMechanism.scramSHA256Plus.rawValue) ? .none : .notOffered
  }

  mutating func takeLogin(
    _ received: ReceivedReply, _ sasl: SASLClient, into output: inout ByteBuffer
  ) -> Action {
    let reply = received.reply
    switch reply.code {
    case 235:
      if let objection = sasl.objection { return fail(.login, at: "auth", objection) }
      loginReply = reply
      return stands(into: &output)
    case 334:
      var sasl = sasl
      return take(sasl.challenged(received.challenge), sasl, into: &output)
    case 400...499: return fail(at: "auth", reply)
    default: return fail(.login, at: "auth", reply.text, reply, because: explanation(of: reply, sasl))
    }
  }

  mutating func take(_ step: SASLClient.Step, _ sasl: SASLClient, into output: inout ByteBuffer) -> Action {
    switch step {
    case .send(let line):
      output.writeString("\(line)\r\n")
      expected.append(.auth(sasl))
      return .wait
    case .derive(let derivation):
      deriving = sasl
      return .derive(derivation)
    case .giveUp(let reason):
      return fail(.login, at: "auth", PeerText(octets: redaction.apply(Array(reason.utf8)[...])), nil)
    }
  }

  /// A refused login in words that help, where the reply alone does not.
  private func explanation(of reply: Reply, _ sasl: SASLClient) -> PeerText? {
    if let words = sasl.explanation {
      return PeerText(octets: Array("\(reply); it explains: ".utf8) + redaction.apply(words[...]))
    }
    guard sasl.mechanism == .scramSHA256Plus else { return nil }
    return PeerText("\(reply); this login was bound to the tls connection, one with auth = \"scram-sha-256\" is not")
  }

  private mutating func stands(into output: inout ByteBuffer) -> Action {
    guard oneFlight == .untried, extensions.pipelining, extensions.chunking else { return .ready }
    // Outside a transaction each chunk is refused. Whoever discards the first one answers two times, and whoever takes it
    // for a command three times, the second time with 250. Nothing is shifted by that: nothing else is under way.
    output.writeString("BDAT 6 LAST\r\nNOOP\r\nBDAT 0 LAST\r\n")
    expected += [.probe, .probeEnd]
    isProbing = true
    return .wait
  }

  mutating func takeProbe(_ reply: Reply, isEnd: Bool) -> Action {
    guard (500...599).contains(reply.code) else { return fail(at: "ehlo", reply) }
    guard isEnd else { return .wait }
    isProbing = false
    // RFC 3030 section 2: behind a refused chunk comes RSET.
    needsReset = true
    oneFlight = .allowed(lost: 0)
    return .ready
  }
}
