// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// A login that a client asked for, to be checked against the users file.
package struct LoginAttempt: Sendable, Equatable {
  package enum Evidence: Sendable, Equatable {
    case password(Secret)
    /// Of SCRAM, checked against the verifier that was given for the name.
    case proof(isRight: Bool)
    /// The name is one of the certificate that TLS has verified.
    case certificate
  }

  package let name: String
  package let evidence: Evidence
  package let mechanism: SASLMechanism

  package init(name: String, evidence: Evidence, mechanism: SASLMechanism) {
    self.name = name
    self.evidence = evidence
    self.mechanism = mechanism
  }
}

package enum SASLMechanism: String, Sendable, CaseIterable {
  case plain = "PLAIN"
  case login = "LOGIN"
  case scram = "SCRAM-SHA-256"
  case scramPlus = "SCRAM-SHA-256-PLUS"
  case external = "EXTERNAL"

  /// The oldest first: devices take the first one that they know, and those that choose go by strength. EXTERNAL only to
  /// whom it would let in: a client with a certificate might try nothing else.
  static func offered(to certificate: ClientCertificate) -> String {
    allCases.filter { $0 != .external || certificate.isUsers }.map(\.rawValue).joined(separator: " ")
  }
}

/// The server's side of one AUTH exchange (RFC 4954, RFC 4422, RFC 4616, RFC 5802, draft-murchison-sasl-login). It knows
/// the form of the mechanism, not who may log in.
struct SASLServer: Equatable, Sendable {
  enum Step: Equatable {
    /// Send `334` and this challenge, already in base64.
    case challenge(String)
    /// Answer with `found`.
    case lookUp(String)
    /// Answer with `accepted`, or refuse.
    case verify(LoginAttempt)
    /// The client is logged in by this name.
    case done(String)
    case refuse(Reply)
  }

  private enum State: Equatable {
    case awaitingPlain
    case awaitingName
    case awaitingPassword(name: [UInt8])
    case awaitingFirst
    case awaitingIdentity
    case lookingUp(SCRAMServer)
    case awaitingFinal(SCRAMServer)
    /// Nobody hears whether a proof is right before it is decided whether this client may still try.
    case awaitingVerdict(signature: String?)
    /// The client has our signature; its answer is empty (RFC 4954 section 4).
    case awaitingAssent(name: String)
  }

  let mechanism: SASLMechanism
  private let certificate: ClientCertificate
  private var state: State

  init(_ mechanism: SASLMechanism, certificate: ClientCertificate = .notAsked) {
    self.mechanism = mechanism
    self.certificate = certificate
    state =
      switch mechanism {
      case .plain: .awaitingPlain
      case .login: .awaitingName
      case .scram, .scramPlus: .awaitingFirst
      case .external: .awaitingIdentity
      }
  }

  /// The AUTH command; nil if it had no initial response. `=` stands for an empty one (RFC 4954 section 4).
  mutating func begin(_ initialResponse: String?) -> Step {
    // Nothing that it could answer would help.
    if mechanism == .external, !certificate.isUsers { return external([]) }
    guard let initialResponse else { return .challenge(mechanism == .login ? "VXNlcm5hbWU6" : "") }
    return received(initialResponse == "=" ? [] : Array(initialResponse.utf8))
  }

  /// A response line without CRLF.
  mutating func received(_ line: some Collection<UInt8>) -> Step {
    if line.elementsEqual([UInt8(ascii: "*")]) { return .refuse(.loginCancelled) }
    guard let response = Base64.decode(line) else { return .refuse(.notBase64) }
    switch state {
    case .awaitingPlain:
      return plain(response)
    case .awaitingName:
      state = .awaitingPassword(name: response)
      return .challenge("UGFzc3dvcmQ6")
    case .awaitingPassword(let name):
      return attempt(name: name, password: response)
    case .awaitingFirst:
      return first(response)
    case .awaitingIdentity:
      return external(response)
    case .awaitingFinal(let scram):
      return final(response, of: scram)
    case .awaitingAssent(let name):
      return response.isEmpty ? .done(name) : .refuse(.loginMalformed)
    case .lookingUp, .awaitingVerdict:
      return .refuse(.loginMalformed)
    }
  }

  // MARK: SCRAM

  private mutating func first(_ message: [UInt8]) -> Step {
    do throws(SCRAMServer.Fault) {
      let scram = try SCRAMServer(clientFirst: message, isBound: mechanism == .scramPlus)
      state = .lookingUp(scram)
      return .lookUp(scram.name)
    } catch {
      return .refuse(Reply(error))
    }
  }

  /// What is stored for the name that was looked up; for a name that nobody has something that looks like it.
  mutating func found(_ verifier: SCRAMVerifier, nonce: [UInt8], bindings: ChannelBindings) -> Step {
    guard case .lookingUp(var scram) = state else { return .refuse(.loginMalformed) }
    do throws(SCRAMServer.Fault) {
      let challenge = try scram.found(verifier, nonce: Base64.encode(nonce), bindings: bindings)
      state = .awaitingFinal(scram)
      return .challenge(Base64.encode(Array(challenge.utf8)))
    } catch {
      return .refuse(Reply(error))
    }
  }

  private mutating func final(_ message: [UInt8], of scram: SCRAMServer) -> Step {
    do throws(SCRAMServer.Fault) {
      let signature = try scram.received(clientFinal: message)
      state = .awaitingVerdict(signature: signature)
      let evidence = LoginAttempt.Evidence.proof(isRight: signature != nil)
      return .verify(LoginAttempt(name: scram.name, evidence: evidence, mechanism: mechanism))
    } catch {
      return .refuse(Reply(error))
    }
  }

  /// The attempt was found right.
  mutating func accepted(_ name: String) -> Step {
    guard case .awaitingVerdict(let signature?) = state else { return .done(name) }
    state = .awaitingAssent(name: name)
    return .challenge(Base64.encode(Array(signature.utf8)))
  }

  // MARK: EXTERNAL

  /// The response is whom the client wants to be; empty: whom its certificate is for (RFC 4422 appendix A.1). Acting for
  /// somebody else is not offered.
  private func external(_ identity: [UInt8]) -> Step {
    switch certificate {
    case .user(let name):
      guard identity.isEmpty || identity.elementsEqual(name.utf8) else { return .refuse(.certificateOfAnother) }
      return .verify(LoginAttempt(name: name, evidence: .certificate, mechanism: mechanism))
    case .missing: return .refuse(.certificateMissing)
    case .refused, .notAsked: return .refuse(.certificateRefused)
    }
  }

  // MARK: PLAIN and LOGIN

  /// `[authzid] NUL authcid NUL passwd` (RFC 4616 section 2). Acting for somebody else is not offered.
  private func plain(_ message: [UInt8]) -> Step {
    let parts = message.split(separator: 0, omittingEmptySubsequences: false)
    guard parts.count == 3 else { return .refuse(.loginMalformed) }
    guard parts[0].isEmpty || parts[0] == parts[1] else { return .refuse(.loginRejected) }
    return attempt(name: Array(parts[1]), password: Array(parts[2]))
  }

  /// Names and passwords are printable ASCII, so no preparation (RFC 4013) can make two of them equal.
  private func attempt(name: [UInt8], password: [UInt8]) -> Step {
    guard !name.isEmpty, !password.isEmpty else { return .refuse(.loginRejected) }
    guard name.allSatisfy({ (0x21...0x7E).contains($0) }), password.allSatisfy({ (0x20...0x7E).contains($0) }) else {
      return .refuse(.loginRejected)
    }
    return .verify(
      LoginAttempt(
        name: String(decoding: name, as: UTF8.self), evidence: .password(Secret(password)), mechanism: mechanism))
  }
}

extension Reply {
  fileprivate init(_ fault: SCRAMServer.Fault) {
    switch fault {
    case .malformed: self = .loginMalformed
    case .authorization: self = .loginRejected
    case .bindingUnknown(let name): self = .bindingUnknown(name)
    case .bindingMismatch: self = .bindingMismatch
    }
  }
}
