// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Crypto

/// The signed statement by which an application with a certificate says who it is (RFC 7523 sections 2.2 and 3), in the
/// form that Microsoft asks for: the certificate is named by its thumbprint, and the statement is for the token address.
struct ClientAssertion {
  /// It is used at once; more would only be time for somebody else.
  static let validSeconds: Int64 = 300

  private let settings: OAuthSettings
  private let unixSeconds: Int64
  private let nonce: String

  init(_ settings: OAuthSettings, unixSeconds: Int64, nonce: String) {
    self.settings = settings
    self.unixSeconds = unixSeconds
    self.nonce = nonce
  }

  private struct Header: Encodable {
    var alg: String
    var typ = "JWT"
    /// SHA-1, for servers that know no other.
    var x5t: String?
    var x5tS256: String

    private enum CodingKeys: String, CodingKey {
      case alg, typ, x5t
      case x5tS256 = "x5t#S256"
    }
  }

  private struct Claims: Encodable {
    var aud: String
    var iss: String
    var sub: String
    var jti: String
    var iat: Int64
    var nbf: Int64
    var exp: Int64
  }

  /// The compact form of RFC 7515 section 7.1.
  func signed(by identity: SigningIdentity) throws(SigningError) -> Secret {
    // Microsoft wants PSS and the newer thumbprint; what every server of RFC 7523 knows is RS256.
    let isNew = settings.provider == .microsoft
    let algorithm: SigningIdentity.Algorithm = isNew ? .ps256 : .rs256
    let header = Header(
      alg: algorithm.rawValue, x5t: isNew ? nil : Base64URL.encode(identity.sha1Thumbprint),
      x5tS256: Base64URL.encode(identity.sha256Thumbprint))
    let claims = Claims(
      aud: settings.tokenAddress.description, iss: settings.clientID, sub: settings.clientID, jti: nonce,
      iat: unixSeconds, nbf: unixSeconds, exp: unixSeconds + Self.validSeconds)
    let signed = "\(Self.part(header)).\(Self.part(claims))"
    let signature = try identity.sign(Array(signed.utf8), algorithm)
    return Secret("\(signed).\(Base64URL.encode(signature))")
  }

  private static func part(_ value: some Encodable) -> String { Base64URL.encode(ControlLine.json(value)) }
}
