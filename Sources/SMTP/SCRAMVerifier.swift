// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// What is stored of a LAN user's password: `SCRAM-SHA-256$10000:SALT$STOREDKEY:SERVERKEY` (RFC 5803, RFC 7677).
///
/// One form serves PLAIN, LOGIN and SCRAM alike; the password cannot be read back from it.
package struct SCRAMVerifier: Sendable, Equatable {
  package let iterations: Int
  package let salt: [UInt8]
  package let storedKey: [UInt8]
  package let serverKey: [UInt8]

  /// Cost of one derivation for verifiers that we make (RFC 7677 section 4 asks for 4096 at least).
  package static let iterationsDefault = 10_000
  /// A verifier from a file may cost more, but not so much that one login stops the others.
  package static let iterationsMax = 1_000_000
  package static let saltOctets = 16

  /// Derives a verifier. `password` is printable ASCII, so SASLprep (RFC 4013) would leave it as it is.
  package init(password: [UInt8], salt: [UInt8], iterations: Int = Self.iterationsDefault) {
    let keys = Self.derive(password: password, salt: salt, iterations: iterations)
    self.init(iterations: iterations, salt: salt, storedKey: keys.stored, serverKey: keys.server)
  }

  /// Keys that belong to no password, of random octets; nothing is derived.
  package static func ofNobody(salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) -> SCRAMVerifier {
    SCRAMVerifier(iterations: iterationsDefault, salt: salt, storedKey: storedKey, serverKey: serverKey)
  }

  private init(iterations: Int, salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) {
    self.iterations = iterations
    self.salt = salt
    self.storedKey = storedKey
    self.serverKey = serverKey
  }

  /// Reads the stored form; nil if it is anything else.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "$", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "SCRAM-SHA-256" else { return nil }
    let cost = parts[1].split(separator: ":", omittingEmptySubsequences: false)
    let keys = parts[2].split(separator: ":", omittingEmptySubsequences: false)
    guard cost.count == 2, keys.count == 2,
      let iterations = Int(cost[0]), (4096...Self.iterationsMax).contains(iterations),
      let salt = Base64.decode(cost[1].utf8), salt.count >= 8,
      let stored = Base64.decode(keys[0].utf8), stored.count == 32,
      let server = Base64.decode(keys[1].utf8), server.count == 32
    else { return nil }
    self.init(iterations: iterations, salt: salt, storedKey: stored, serverKey: server)
  }

  package var text: String {
    "SCRAM-SHA-256$\(iterations):\(Base64.encode(salt))$\(Base64.encode(storedKey)):\(Base64.encode(serverKey))"
  }

  /// One full derivation, whatever the answer.
  package func matches(password: [UInt8]) -> Bool {
    let keys = Self.derive(password: password, salt: salt, iterations: iterations)
    return constantTimeEqual(keys.stored, storedKey)
  }

  /// The same keys, which fit no password then.
  package func salted(_ salt: [UInt8], iterations: Int) -> SCRAMVerifier {
    SCRAMVerifier(iterations: iterations, salt: salt, storedKey: storedKey, serverKey: serverKey)
  }

  private static func derive(password: [UInt8], salt: [UInt8], iterations: Int) -> (stored: [UInt8], server: [UInt8]) {
    let salted = PBKDF2.sha256(password: password, salt: salt, iterations: iterations)
    let clientKey = HMACSHA256.authenticate(Array("Client Key".utf8), key: salted)
    return (SHA256.digest(clientKey), HMACSHA256.authenticate(Array("Server Key".utf8), key: salted))
  }
}
