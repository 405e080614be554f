// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Crypto
import SMTP

@testable import OAuth

/// One of each thing, for tests that need any.
enum Samples {
  static let microsoft = OAuthSettings(
    provider: .microsoft, clientID: "3f0c8b1e", tokenAddress: EndpointAddress("https://login.test/tenant/token")!,
    deviceAddress: EndpointAddress("https://login.test/tenant/devicecode")!,
    applicationScope: "https://mail.test/.default",
    deviceScope: "https://mail.test/SMTP.Send offline_access")

  static let google = OAuthSettings(
    provider: .google, clientID: "42.apps.test", tokenAddress: EndpointAddress("https://oauth2.test/token")!,
    deviceAddress: EndpointAddress("https://oauth2.test/device/code")!, applicationScope: "",
    deviceScope: "https://mail.test/")

  static let application = OAuthClient(microsoft, proof: .secret(Secret("client secret")))
  static let person = OAuthClient(microsoft, proof: .none)

  static func grant(_ token: String, seconds: Int64 = 3600, refresh: String? = nil) -> TokenGrant {
    TokenGrant(
      accessToken: Secret(token), lifetimeSeconds: seconds, refreshToken: refresh.map { Secret($0) }, account: nil)
  }

  static func kept(_ token: String, renewed: Int64 = 1_000_000, upstream: String = "m365") -> KeptGrant {
    KeptGrant(
      upstream: upstream, tokenAddress: microsoft.tokenAddress.description, clientID: microsoft.clientID,
      refreshToken: Secret(token), account: PeerText("scans@example.test"), signedIn: 1_000_000, renewed: renewed,
      by: PeerText("root"))
  }

  static func refusal(_ code: String, _ text: String = "", status: Int = 400) -> TokenRefusal {
    TokenRefusal(code: code, text: text, status: status)
  }
}

/// Both clocks, `seconds` after a beginning.
func at(_ seconds: Int64) -> Moment { Moment(wall: 1_000_000 + seconds * 1000, monotonic: 50_000 + seconds * 1000) }
