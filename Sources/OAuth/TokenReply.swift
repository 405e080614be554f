// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Crypto
import SMTP

/// What an authorization server gives (RFC 6749 section 5.1).
package struct TokenGrant: Sendable, Equatable {
  package var accessToken: Secret
  package var lifetimeSeconds: Int64
  /// nil: the one that was used goes on to hold, or there is none.
  package var refreshToken: Secret?
  /// Who signed in, as far as the token says.
  package var account: PeerText?

  package init(
    accessToken: Secret, lifetimeSeconds: Int64, refreshToken: Secret? = nil, account: PeerText? = nil
  ) {
    self.accessToken = accessToken
    self.lifetimeSeconds = lifetimeSeconds
    self.refreshToken = refreshToken
    self.account = account
  }
}

/// A code for somebody to sign in with (RFC 8628 section 3.2).
package struct DeviceCode: Sendable, Equatable {
  package var deviceCode: Secret
  package var userCode: PeerText
  package var address: PeerText
  package var lifetimeSeconds: Int64
  package var intervalSeconds: Int64

  package init(
    deviceCode: Secret, userCode: PeerText, address: PeerText, lifetimeSeconds: Int64, intervalSeconds: Int64
  ) {
    self.deviceCode = deviceCode
    self.userCode = userCode
    self.address = address
    self.lifetimeSeconds = lifetimeSeconds
    self.intervalSeconds = intervalSeconds
  }
}

/// Reads an answer: the status of HTTP, and a body that came from somewhere else.
package enum TokenReply {
  /// Longer tokens fit into no AUTH line (RFC 4954 section 4 has 12,288 octets, Base64 and name counted in).
  package static let tokenOctetsMax = 8_192
  /// A time that is not told, and the bounds of one that is.
  private static let lifetimeSecondsDefault: Int64 = 3_600
  private static let lifetimeSecondsMax: Int64 = 400 * 86_400
  private static let intervalSecondsDefault: Int64 = 5

  package static func token(status: Int, body: [UInt8]) -> Result<TokenGrant, TokenRefusal> {
    read(TokenBody.self, status: status, body: body).flatMap { body in
      guard body.tokenType.lowercased() == "bearer" else {
        return .failure(.unreadable("token_type is '\(PeerText(body.tokenType))', not Bearer", status: status))
      }
      for token in [body.accessToken, body.refreshToken].compactMap(\.self) where !isSound(token) {
        return .failure(.unreadable("a token is empty, too long, or holds more than visible ASCII", status: status))
      }
      return .success(
        TokenGrant(
          accessToken: Secret(body.accessToken),
          lifetimeSeconds: lifetime(body.expiresIn, default: lifetimeSecondsDefault),
          refreshToken: body.refreshToken.map { Secret($0) },
          account: body.idToken.flatMap(account) ?? account(of: body.accessToken)))
    }
  }

  package static func deviceCode(status: Int, body: [UInt8]) -> Result<DeviceCode, TokenRefusal> {
    read(DeviceBody.self, status: status, body: body).flatMap { body in
      guard isSound(body.deviceCode), !body.userCode.isEmpty, EndpointAddress(body.address) != nil else {
        return .failure(.unreadable("the code or the address to sign in with is none", status: status))
      }
      return .success(
        DeviceCode(
          deviceCode: Secret(body.deviceCode), userCode: PeerText(body.userCode), address: PeerText(body.address),
          lifetimeSeconds: lifetime(body.expiresIn, default: 900),
          intervalSeconds: min(max(1, body.interval?.value ?? intervalSecondsDefault), 60)))
    }
  }

  private static func read<Body: Decodable>(
    _ type: Body.Type, status: Int, body: [UInt8]
  ) -> Result<Body, TokenRefusal> {
    // Some servers say 200 and mean an error. One that has no name is nobody's.
    if let error = try? ControlLine.decode(ErrorBody.self, from: body), !error.error.isEmpty {
      return .failure(TokenRefusal(code: error.error, text: error.text ?? "", status: status))
    }
    guard status == 200 else { return .failure(.unreadable("not what OAuth2 answers", status: status)) }
    do {
      return .success(try ControlLine.decode(type, from: body))
    } catch {
      return .failure(.unreadable("\(body.count) octets that are no token", status: status))
    }
  }

  private static func lifetime(_ told: Seconds?, default seconds: Int64) -> Int64 {
    min(max(0, told?.value ?? seconds), lifetimeSecondsMax)
  }

  /// RFC 6749 appendix A.12: visible characters.
  private static func isSound(_ token: String) -> Bool {
    !token.isEmpty && token.utf8.count <= tokenOctetsMax && token.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
  }

  /// Who a token is for, if it is one that can be read (RFC 7519). It came over TLS from the server that signed it, and is
  /// only shown, so the signature is nobody's business here.
  private static func account(of token: String) -> PeerText? {
    let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, let octets = Base64URL.decode(parts[1]),
      let claims = try? ControlLine.decode(Claims.self, from: octets)
    else { return nil }
    return (claims.upn ?? claims.preferredUsername ?? claims.email ?? claims.uniqueName).map { PeerText($0) }
  }

  // MARK: forms

  private struct TokenBody: Decodable {
    var accessToken: String
    var tokenType: String
    var expiresIn: Seconds?
    var refreshToken: String?
    var idToken: String?

    private enum CodingKeys: String, CodingKey {
      case accessToken = "access_token"
      case tokenType = "token_type"
      case expiresIn = "expires_in"
      case refreshToken = "refresh_token"
      case idToken = "id_token"
    }
  }

  private struct DeviceBody: Decodable {
    var deviceCode: String
    var userCode: String
    var address: String
    var expiresIn: Seconds?
    var interval: Seconds?

    private enum CodingKeys: String, CodingKey {
      case deviceCode = "device_code"
      case userCode = "user_code"
      case address = "verification_uri"
      /// Google's name from before the RFC.
      case oldAddress = "verification_url"
      case expiresIn = "expires_in"
      case interval
    }

    init(from decoder: any Decoder) throws {
      let members = try decoder.container(keyedBy: CodingKeys.self)
      deviceCode = try members.decode(String.self, forKey: .deviceCode)
      userCode = try members.decode(String.self, forKey: .userCode)
      address =
        try members.decodeIfPresent(String.self, forKey: .address)
        ?? members.decode(String.self, forKey: .oldAddress)
      expiresIn = try members.decodeIfPresent(Seconds.self, forKey: .expiresIn)
      interval = try members.decodeIfPresent(Seconds.self, forKey: .interval)
    }
  }

  private struct ErrorBody: Decodable {
    var error: String
    var text: String?

    private enum CodingKeys: String, CodingKey {
      case error
      case text = "error_description"
    }
  }

  private struct Claims: Decodable {
    var upn: String?
    var preferredUsername: String?
    var email: String?
    var uniqueName: String?

    private enum CodingKeys: String, CodingKey {
      case upn, email
      case preferredUsername = "preferred_username"
      case uniqueName = "unique_name"
    }
  }

  /// A number; some servers put it between quotes.
  private struct Seconds: Decodable {
    var value: Int64

    init(from decoder: any Decoder) throws {
      let single = try decoder.singleValueContainer()
      if let number = try? single.decode(Int64.self) {
        value = number
      } else if let number = try? single.decode(Double.self), number.magnitude < 1e15 {
        value = Int64(number)
      } else {
        guard let number = Int64(try single.decode(String.self)) else {
          throw DecodingError.dataCorruptedError(in: single, debugDescription: "not a number of seconds")
        }
        value = number
      }
    }
  }
}
