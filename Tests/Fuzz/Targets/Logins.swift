// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

@testable import SMTP

extension FuzzTarget {
  /// Base64, and a login at our side: nobody is in without the password, whatever is said; and whoever speaks SCRAM as it
  /// should be spoken is, whatever his name, nonce and binding.
  static let sasl = FuzzTarget(name: "sasl", octetsMax: 1_024) { octets in
    var input = FuzzInput(octets)
    let choice = Int(input.octet())
    isBase64(Array(input.rest))
    if choice & 1 == 1 {
      honest(&input, isBound: choice & 2 == 2)
    } else {
      hostile(&input, SASLMechanism.allCases[(choice >> 1) % SASLMechanism.allCases.count])
    }
  }

  private static func isBase64(_ octets: [UInt8]) {
    check(Base64.decode(Base64.encode(octets).utf8) == octets, "base64 does not come back")
    check(Base64URL.decode(Base64URL.encode(octets).utf8) == octets, "base64url does not come back")
    if let decoded = Base64.decode(octets) {
      check(Array(Base64.encode(decoded).utf8) == octets, "base64 with two spellings")
    }
    if let decoded = Base64URL.decode(octets) {
      check(Array(Base64URL.encode(decoded).utf8) == octets, "base64url with two spellings")
    }
  }

  /// Lines as they are, or behind a `+` in base64.
  private static func hostile(_ input: inout FuzzInput, _ mechanism: SASLMechanism) {
    var server = SASLServer(mechanism, certificate: .user("carol"))
    let user = mechanism == .external ? "carol" : "alice"
    var isAccepted = false
    let begins = input.flag()
    var step = server.begin(begins ? line(&input) : nil)
    for _ in 0..<8 {
      switch step {
      case .challenge(let text):
        check(Base64.decode(text.utf8) != nil, "a challenge that is not base64: \(text)")
        if input.rest.isEmpty { return }
        step = server.received(line(&input).utf8)
      case .lookUp(let name):
        check(name.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "looks up \(name)")
        step = server.found(Known.verifier, nonce: [1, 2, 3], bindings: Known.bindings)
      case .verify(let attempt):
        check(attempt.mechanism == mechanism, "verifies \(attempt.mechanism)")
        check(attempt.name.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "verifies \(attempt.name)")
        switch attempt.evidence {
        case .password(let password):
          guard attempt.name == "alice", password == Secret("s3cret") else { return }
        case .proof(let isRight):
          check(!isRight, "a proof without the password")
          return
        case .certificate: check(mechanism == .external && attempt.name == "carol", "\(attempt.name) by a certificate")
        }
        isAccepted = true
        step = server.accepted(attempt.name)
      case .done(let name):
        check(isAccepted && name == user, "\(name) is in")
        return
      case .refuse(let reply):
        check((500...599).contains(reply.code), "refused with \(reply)")
        return
      }
    }
    check(false, "a login without end")
  }

  private static func line(_ input: inout FuzzInput) -> String {
    let word = input.word()
    guard word.first == UInt8(ascii: "+") else { return String(decoding: word, as: UTF8.self) }
    return Base64.encode(Array(word.dropFirst()))
  }

  private static func honest(_ input: inout FuzzInput, isBound: Bool) {
    let name = input.text()
    guard !name.isEmpty, name.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return }
    let nonce = Base64.encode([1] + input.word())
    let binding: SCRAMClient.Binding =
      isBound ? .bound(name: "tls-exporter", data: Known.bindings.exporter!) : .none
    var client = SCRAMClient(name: name, password: Secret("s3cret"), nonce: nonce, binding: binding)
    var server = SASLServer(isBound ? .scramPlus : .scram)
    guard case .lookUp(let asked) = server.begin(Base64.encode(Array(client.clientFirst.utf8))) else {
      return check(false, "\(name) cannot begin")
    }
    check(asked == name, "\(name) becomes \(asked)")
    let found = server.found(Known.verifier, nonce: [9] + input.rest, bindings: Known.bindings)
    guard case .challenge(let first) = found, let message = Base64.decode(first.utf8),
      (try? client.received(serverFirst: String(decoding: message, as: UTF8.self))) != nil
    else { return check(false, "the client does not take \(found)") }
    let last = client.derived(Known.salted)
    guard case .verify(let attempt) = server.received(Base64.encode(Array(last.utf8)).utf8),
      attempt.evidence == .proof(isRight: true), case .challenge(let final) = server.accepted("alice"),
      let signature = Base64.decode(final.utf8)
    else { return check(false, "the proof is not taken") }
    check((try? client.received(serverFinal: String(decoding: signature, as: UTF8.self))) != nil, "no signature")
    check(client.isProved && server.received([]) == .done("alice"), "not in")
  }

  /// Our login at an upstream that says what it likes: so many answers and no more, none too long, and a login counts
  /// only if what the mechanism proves is proved.
  static let upstreamLogin = FuzzTarget(name: "upstream-login", octetsMax: 1_024) { octets in
    var input = FuzzInput(octets)
    let mechanism = ClientMechanism.allCases[Int(input.octet()) % ClientMechanism.allCases.count]
    let isToken = mechanism == .xoauth2 || mechanism == .oauthBearer
    let name = input.text()
    let login = ClientLogin(name: name, secret: isToken ? .token(Secret("t0ken")) : .password(Secret("s3cret")))
    let binding: SCRAMClient.Binding =
      mechanism == .scramSHA256Plus ? .bound(name: "tls-exporter", data: [1, 2, 3]) : .notOffered
    guard var client = SASLClient(login, mechanism: mechanism, nonce: "n0nce", binding: binding) else {
      return check(mechanism == .external || name.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "no login for \(name)")
    }
    check(client.command.utf8.count + 2 <= Limits.sentCommandOctetsMax, "a command of \(client.command.utf8.count)")
    check(client.command.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "sends \(client.command)")
    var answers = 0
    while !input.rest.isEmpty {
      var step = client.challenged(Array(line(&input).utf8))
      if case .derive = step { step = client.derived(Known.salted) }
      switch step {
      case .send(let line):
        answers += 1
        check(Base64.decode(line.utf8) != nil && line.utf8.count + 2 <= Limits.authLineOctetsMax, "sends \(line)")
        check(answers <= 3, "an upstream that goes on asking")
      case .derive: return check(false, "derives twice")
      case .giveUp: return
      }
      if mechanism == .scramSHA256 || mechanism == .scramSHA256Plus {
        check(client.objection != nil, "an upstream that does not know the password")
      }
    }
  }
}

private enum Known {
  static let verifier = SCRAMVerifier(
    password: Array("s3cret".utf8), salt: Array("saltsalt".utf8), iterations: SCRAMClient.iterationsMin)
  static let salted = SCRAMDerivation(
    password: Secret("s3cret"), salt: Array("saltsalt".utf8), iterations: SCRAMClient.iterationsMin
  ).run()
  static let bindings = ChannelBindings(exporter: [1, 2, 3], serverEndPoint: [4, 5, 6])
}
