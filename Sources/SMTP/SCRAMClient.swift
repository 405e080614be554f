// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// A derivation that the server's salt and count ask for. It takes milliseconds, so whoever runs it has a thread for that.
package struct SCRAMDerivation: Sendable, Equatable {
  let password: Secret
  let salt: [UInt8]
  let iterations: Int

  /// SaltedPassword of RFC 5802 section 3.
  package func run() -> Secret {
    Secret(PBKDF2.sha256(password: password.octets, salt: salt, iterations: iterations))
  }
}

/// The client's side of one SCRAM-SHA-256 exchange, with or without channel binding (RFC 5802, RFC 7677): messages as
/// they are before base64. `SASLClient` drives it. It is done only when the server has proved that it knows the
/// password too.
struct SCRAMClient: Equatable, Sendable {
  /// What stands in front of the client's first message (RFC 5802 section 6).
  enum Binding: Equatable, Sendable {
    /// We do not bind, though the server may.
    case none
    /// We would, and it does not offer it: a server that does sees that somebody took its offer away.
    case notOffered
    case bound(name: String, data: [UInt8])

    fileprivate var header: String {
      switch self {
      case .none: "n,,"
      case .notOffered: "y,,"
      case .bound(let name, _): "p=\(name),,"
      }
    }
  }

  enum Fault: Error, Equatable {
    case malformed
    case nonce
    /// Fewer cost an attacker nothing, more would cost us the day (RFC 7677 section 4).
    case iterations
    /// The server's `e=`.
    case refused(PeerText)
    /// It does not know the password: it is not the upstream.
    case signature
  }

  private enum State: Equatable {
    case first
    case deriving(serverFirst: String, nonce: String)
    case proving(serverSignature: [UInt8])
    case proved
  }

  static let iterationsMin = 4_096

  private let password: Secret
  private let nonce: String
  private let bare: String
  private let binding: Binding
  private var state = State.first

  /// `nonce` is printable ASCII without a comma, new for each exchange.
  init(name: String, password: Secret, nonce: String, binding: Binding) {
    self.password = password
    self.nonce = nonce
    self.binding = binding
    bare = "n=\(Self.saslname(name)),r=\(nonce)"
  }

  var clientFirst: String { binding.header + bare }

  var isWaitingForFirst: Bool { state == .first }

  /// The server has shown its signature.
  var isProved: Bool { state == .proved }

  /// `r=NONCE,s=SALT,i=COUNT`: what to derive before the answer.
  mutating func received(serverFirst message: String) throws(Fault) -> SCRAMDerivation {
    let fields = message.split(separator: ",", omittingEmptySubsequences: false)
    // A field in front of these would be a mandatory extension that we do not know.
    guard state == .first, fields.count >= 3, fields[0].hasPrefix("r="), fields[1].hasPrefix("s="),
      fields[2].hasPrefix("i="), let salt = Base64.decode(fields[1].dropFirst(2).utf8), !salt.isEmpty
    else { throw .malformed }
    let whole = fields[0].dropFirst(2)
    guard whole.hasPrefix(nonce), whole.utf8.count > nonce.utf8.count else { throw .nonce }
    guard let iterations = Int(fields[2].dropFirst(2)),
      (Self.iterationsMin...SCRAMVerifier.iterationsMax).contains(iterations)
    else { throw .iterations }
    state = .deriving(serverFirst: message, nonce: String(whole))
    return SCRAMDerivation(password: password, salt: salt, iterations: iterations)
  }

  /// The client's last message.
  mutating func derived(_ salted: Secret) -> String {
    guard case .deriving(let serverFirst, let nonce) = state else { preconditionFailure("no derivation was asked for") }
    var bound = Array(binding.header.utf8)
    if case .bound(_, let data) = binding { bound += data }
    let withoutProof = "c=\(Base64.encode(bound)),r=\(nonce)"
    let message = Array("\(bare),\(serverFirst),\(withoutProof)".utf8)
    let clientKey = HMACSHA256.authenticate(Array("Client Key".utf8), key: salted.octets)
    let signature = HMACSHA256.authenticate(message, key: SHA256.digest(clientKey))
    let proof = zip(clientKey, signature).map { $0 ^ $1 }
    let serverKey = HMACSHA256.authenticate(Array("Server Key".utf8), key: salted.octets)
    state = .proving(serverSignature: HMACSHA256.authenticate(message, key: serverKey))
    return "\(withoutProof),p=\(Base64.encode(proof))"
  }

  /// `v=SIGNATURE`, or `e=ERROR`.
  mutating func received(serverFinal message: String) throws(Fault) {
    guard case .proving(let expected) = state,
      let field = message.split(separator: ",", omittingEmptySubsequences: false).first
    else { throw .malformed }
    if field.hasPrefix("e=") { throw .refused(PeerText(String(field.dropFirst(2)))) }
    guard field.hasPrefix("v="), let signature = Base64.decode(field.dropFirst(2).utf8) else { throw .malformed }
    guard constantTimeEqual(signature, expected) else { throw .signature }
    state = .proved
  }

  /// RFC 5802 section 5.1.
  static func saslname(_ name: String) -> String {
    name.map { $0 == "=" ? "=3D" : $0 == "," ? "=2C" : String($0) }.joined()
  }
}

extension SCRAMClient.Fault: CustomStringConvertible {
  var description: String {
    switch self {
    case .malformed: "its challenge is not one of scram-sha-256"
    case .nonce: "its nonce does not begin with ours"
    case .iterations:
      "it asks for a count of iterations outside \(SCRAMClient.iterationsMin) to \(SCRAMVerifier.iterationsMax)"
    case .refused(let error): "it refuses: \(error)"
    case .signature: "its signature is wrong, so it does not know the password and is not the upstream"
    }
  }
}
