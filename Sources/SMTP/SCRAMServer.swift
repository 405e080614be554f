// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// The server's side of one SCRAM-SHA-256 exchange, with or without channel binding (RFC 5802, RFC 7677): messages as they
/// are before base64. `SASLServer` drives it. The password never comes to us, and what we send proves that we have the
/// verifier.
struct SCRAMServer: Equatable, Sendable {
  enum Fault: Error, Equatable {
    case malformed
    /// Acting for somebody else is not offered.
    case authorization
    /// The client binds to something that we do not offer.
    case bindingUnknown(PeerText)
    /// It binds without saying so in the mechanism, or the other way round; or it believes that we cannot bind, which
    /// somebody in between must have told it (RFC 5802 section 6).
    case bindingMismatch
  }

  private enum State: Equatable {
    case first
    /// `expected` is the client's last message without its proof, `message` what the proof is about.
    case waiting(expected: String, message: String, SCRAMVerifier)
  }

  /// Who wants to log in.
  let name: String
  private let header: String
  private let bare: String
  private let clientNonce: String
  private let bindingName: String?
  private var state = State.first

  /// Reads `gs2-header client-first-message-bare` (RFC 5802 section 7). `isBound`: the mechanism is -PLUS, which we offer
  /// wherever we offer the other.
  init(clientFirst: [UInt8], isBound: Bool) throws(Fault) {
    guard clientFirst.allSatisfy({ (0x20...0x7E).contains($0) }) else { throw .malformed }
    let fields = String(decoding: clientFirst, as: UTF8.self).split(separator: ",", omittingEmptySubsequences: false)
    // A field in front of the name would be a mandatory extension that we do not know.
    guard fields.count >= 4, fields[2].hasPrefix("n="), fields[3].hasPrefix("r="),
      let name = Self.name(fields[2].dropFirst(2))
    else { throw .malformed }
    switch fields[0] {
    case "n": bindingName = nil
    case "y": throw .bindingMismatch
    case let flag where flag.hasPrefix("p="): bindingName = String(flag.dropFirst(2))
    default: throw .malformed
    }
    guard isBound == (bindingName != nil) else { throw .bindingMismatch }
    if fields[1].hasPrefix("a=") {
      guard Self.name(fields[1].dropFirst(2)) == name else { throw .authorization }
    } else if !fields[1].isEmpty {
      throw .malformed
    }
    self.name = name
    header = "\(fields[0]),\(fields[1]),"
    bare = fields[2...].joined(separator: ",")
    clientNonce = String(fields[3].dropFirst(2))
    guard !clientNonce.isEmpty else { throw .malformed }
  }

  /// `r=NONCE,s=SALT,i=COUNT`. `nonce` is printable ASCII without a comma, new for each exchange.
  mutating func found(
    _ verifier: SCRAMVerifier, nonce: String, bindings: ChannelBindings
  ) throws(Fault) -> String {
    var bound = Array(header.utf8)
    if let bindingName {
      guard let data = bindings[bindingName] else { throw .bindingUnknown(PeerText(bindingName)) }
      bound += data
    }
    let first = "r=\(clientNonce)\(nonce),s=\(Base64.encode(verifier.salt)),i=\(verifier.iterations)"
    let expected = "c=\(Base64.encode(bound)),r=\(clientNonce)\(nonce)"
    state = .waiting(expected: expected, message: "\(bare),\(first),\(expected)", verifier)
    return first
  }

  /// `c=BINDING,r=NONCE,p=PROOF`: what we answer, `v=SIGNATURE`; nil if it does not show the password.
  func received(clientFinal octets: [UInt8]) throws(Fault) -> String? {
    guard case .waiting(let expected, let message, let verifier) = state else { throw .malformed }
    let fields = String(decoding: octets, as: UTF8.self).split(separator: ",", omittingEmptySubsequences: false)
    guard fields.count >= 3, fields[0].hasPrefix("c="), fields[1].hasPrefix("r="), let last = fields.last,
      last.hasPrefix("p="), let proof = Base64.decode(last.dropFirst(2).utf8), proof.count == 32
    else { throw .malformed }
    // Another binding or nonce than ours; extensions are part of what is proved, and we know none.
    guard fields[0] + "," + fields[1] == expected, fields.count == 3 else { return nil }
    let authMessage = Array(message.utf8)
    let signature = HMACSHA256.authenticate(authMessage, key: verifier.storedKey)
    let clientKey = zip(proof, signature).map { $0 ^ $1 }
    guard constantTimeEqual(SHA256.digest(clientKey), verifier.storedKey) else { return nil }
    return "v=\(Base64.encode(HMACSHA256.authenticate(authMessage, key: verifier.serverKey)))"
  }

  /// A saslname (RFC 5802 section 5.1) as it is meant; nil if it is none.
  private static func name(_ text: Substring) -> String? {
    var name = ""
    var rest = text
    while let character = rest.popFirst() {
      guard character == "=" else {
        name.append(character)
        continue
      }
      switch rest.prefix(2) {
      case "3D": name.append("=")
      case "2C": name.append(",")
      default: return nil
      }
      rest = rest.dropFirst(2)
    }
    return name.isEmpty ? nil : name
  }
}
