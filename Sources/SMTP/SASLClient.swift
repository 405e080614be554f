// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// The client's side of one AUTH exchange (RFC 4954): the AUTH command, then an answer to each `334`. Each mechanism
/// has a fixed number of answers, so that no upstream can go on asking.
struct SASLClient: Equatable, Sendable {
  enum Step: Equatable {
    /// This line, already in base64.
    case send(String)
    case derive(SCRAMDerivation)
    /// Why this cannot become a login.
    case giveUp(String)
  }

  private enum State: Equatable {
    /// What to answer next, in order; these take no heed of the challenge.
    case saying([[UInt8]])
    case awaitingCRAM(name: String, password: Secret)
    case scram(SCRAMClient)
    /// The token is sent. A challenge now is an error, whose words are worth keeping, and wants an answer before the
    /// refusal itself comes (RFC 7628 section 3.2.3).
    case bearing(answer: [UInt8])
  }

  private var state: State
  /// The initial response, held back until the upstream has asked for it.
  private var withheld: [UInt8]?
  /// In plain what an upstream said about a token that it refuses.
  private(set) var explanation: [UInt8]?
  let mechanism: ClientMechanism
  let command: String

  /// nil if this secret and mechanism do not go together, or the name could not be sent.
  init?(_ login: ClientLogin, mechanism: ClientMechanism, nonce: String, binding: SCRAMClient.Binding) {
    // A control in the name would end a field of the messages below.
    guard !login.name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }),
      let (state, initial) = Self.begin(login, mechanism, nonce, binding)
    else { return nil }
    self.mechanism = mechanism
    self.state = state
    let bare = "AUTH \(mechanism.rawValue)"
    let whole = initial.map { "\(bare) \($0.isEmpty ? "=" : Base64.encode($0))" }
    // RFC 4954 section 4: the command is as short as any other, the answer to a challenge need not be.
    let fits = whole.map { $0.utf8.count + 2 <= Limits.sentCommandOctetsMax } ?? false
    command = fits ? whole! : bare
    withheld = fits ? nil : initial
  }

  /// The messages that carry this login's secret as it is, in every mechanism that does so.
  static func initialResponses(with login: ClientLogin) -> [[UInt8]] {
    [.plain, .xoauth2, .oauthBearer].compactMap { begin(login, $0, "", .none)?.initial }
  }

  private static func begin(
    _ login: ClientLogin, _ mechanism: ClientMechanism, _ nonce: String, _ binding: SCRAMClient.Binding
  ) -> (State, initial: [UInt8]?)? {
    let name = Array(login.name.utf8)
    switch (mechanism, login.secret) {
    case (.plain, .password(let password)):
      return (.saying([]), [0] + name + [0] + password.octets)
    case (.login, .password(let password)):
      return (.saying([name, password.octets]), nil)
    case (.cramMD5, .password(let password)):
      return (.awaitingCRAM(name: login.name, password: password), nil)
    case (.scramSHA256, .password(let password)), (.scramSHA256Plus, .password(let password)):
      let scram = SCRAMClient(name: login.name, password: password, nonce: nonce, binding: binding)
      return (.scram(scram), Array(scram.clientFirst.utf8))
    case (.external, _):
      return (.saying([]), name)
    case (.xoauth2, .token(let token)):
      return (.bearing(answer: []), Array("user=\(login.name)\u{1}auth=Bearer ".utf8) + token.octets + [1, 1])
    case (.oauthBearer, .token(let token)):
      let header = "n,a=\(SCRAMClient.saslname(login.name)),\u{1}auth=Bearer "
      return (.bearing(answer: [1]), Array(header.utf8) + token.octets + [1, 1])
    case (.plain, _), (.login, _), (.cramMD5, _), (.scramSHA256, _), (.scramSHA256Plus, _), (.xoauth2, _),
      (.oauthBearer, _):
      return nil
    }
  }

  /// What stands behind `334`, still in base64.
  mutating func challenged(_ challenge: [UInt8]) -> Step {
    if let initial = withheld.take() { return send(initial) }
    switch state {
    case .saying(var rest):
      guard !rest.isEmpty else { return .giveUp("it asks for more than \(mechanism.rawValue) has") }
      let next = rest.removeFirst()
      state = .saying(rest)
      return send(next)
    case .awaitingCRAM(let name, let password):
      state = .saying([])
      guard let text = Base64.decode(challenge) else { return .giveUp(Self.notBase64) }
      guard let code = HMACMD5.authenticate(text, key: password.octets) else {
        return .giveUp("this system allows no MD5, and so no CRAM-MD5")
      }
      return send(Array("\(name) \(hexadecimal(code))".utf8))
    case .scram(let scram):
      guard let text = Base64.decode(challenge) else { return .giveUp(Self.notBase64) }
      return challenged(String(decoding: text, as: UTF8.self), scram)
    case .bearing(let answer):
      state = .saying([])
      explanation = Base64.decode(challenge)
      return send(answer)
    }
  }

  mutating func derived(_ salted: Secret) -> Step {
    guard case .scram(var scram) = state else { preconditionFailure("no derivation was asked for") }
    let message = scram.derived(salted)
    state = .scram(scram)
    return send(Array(message.utf8))
  }

  /// Why a 235 now is no login; nil: it is one.
  var objection: String? {
    switch state {
    case .saying, .awaitingCRAM, .bearing: nil
    case .scram(let scram):
      scram.isProved ? nil : "it accepts the login and has not shown that it knows the password"
    }
  }

  private mutating func challenged(_ message: String, _ scram: SCRAMClient) -> Step {
    var scram = scram
    defer { state = .scram(scram) }
    do throws(SCRAMClient.Fault) {
      if scram.isWaitingForFirst { return .derive(try scram.received(serverFirst: message)) }
      try scram.received(serverFinal: message)
      return .send("")
    } catch {
      return .giveUp("\(error)")
    }
  }

  private func send(_ message: [UInt8]) -> Step {
    let line = Base64.encode(message)
    // RFC 4954 section 4: nobody has to take more.
    guard line.utf8.count + 2 <= Limits.authLineOctetsMax else {
      return .giveUp("the secret is too long to be sent: \(line.utf8.count) octets")
    }
    return .send(line)
  }

  private static let notBase64 = "its challenge is not base64"
}

/// In lower case, as CRAM-MD5 wants it (RFC 2195 section 2).
private func hexadecimal(_ octets: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: octets.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] }, as: UTF8.self)
}
