// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// What an authorization server is asked. Where it goes and what its body says; nobody sends it here.
package enum TokenRequest: Sendable, Equatable {
  /// A token for the application itself (RFC 6749 section 4.4).
  case application
  /// Another token for the person who signed in (RFC 6749 section 6).
  case refresh(Secret)
  /// A code for somebody to sign in with (RFC 8628 section 3.1).
  case deviceCode
  /// Whether somebody has (RFC 8628 section 3.4).
  case deviceToken(Secret)

  /// nil: this server has no place for it.
  package func address(of client: OAuthClient) -> EndpointAddress? {
    if case .deviceCode = self { client.settings.deviceAddress } else { client.settings.tokenAddress }
  }

  /// The body of the POST, application/x-www-form-urlencoded. `unixSeconds` and `nonce` go into a signed assertion; a
  /// nonce is never used twice.
  package func body(_ client: OAuthClient, unixSeconds: Int64, nonce: String) throws(SigningError) -> Secret {
    var form = FormBody()
    form.add("client_id", client.settings.clientID)
    switch self {
    case .application:
      form.add("grant_type", "client_credentials")
      form.add("scope", client.scope)
    case .refresh(let token):
      form.add("grant_type", "refresh_token")
      form.add("refresh_token", token)
      // Google takes none here, and for the others it is what was granted already (RFC 6749 section 6).
      if client.settings.provider == .microsoft { form.add("scope", client.scope) }
    case .deviceCode:
      form.add("scope", client.scope)
    case .deviceToken(let code):
      form.add("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
      form.add("device_code", code)
    }
    switch client.proof {
    case .none: break
    case .secret(let secret):
      if self != .deviceCode { form.add("client_secret", secret) }
    case .certificate(let identity):
      let assertion = ClientAssertion(client.settings, unixSeconds: unixSeconds, nonce: nonce)
      form.add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
      form.add("client_assertion", try assertion.signed(by: identity))
    }
    return form.octets
  }
}

/// Names and values as a browser sends a form (RFC 6749 appendix B).
struct FormBody {
  private var text: [UInt8] = []

  var octets: Secret { Secret(text) }

  mutating func add(_ name: String, _ value: String) {
    add(name, octets: Array(value.utf8))
  }

  mutating func add(_ name: String, _ value: Secret) {
    add(name, octets: value.octets)
  }

  private mutating func add(_ name: String, octets: [UInt8]) {
    if !text.isEmpty { text.append(UInt8(ascii: "&")) }
    text += name.utf8
    text.append(UInt8(ascii: "="))
    for octet in octets {
      switch octet {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
        text.append(octet)
      default:
        text += [UInt8(ascii: "%"), Self.digits[Int(octet >> 4)], Self.digits[Int(octet & 15)]]
      }
    }
  }

  private static let digits = Array("0123456789ABCDEF".utf8)
}
