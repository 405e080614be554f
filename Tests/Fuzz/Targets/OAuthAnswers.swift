// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

@testable import OAuth

extension FuzzTarget {
  /// An answer of an authorization server: tokens that fit into a line, times within bounds, words without controls.
  static let oauth = FuzzTarget(name: "oauth", octetsMax: 2_048) { octets in
    var input = FuzzInput(octets)
    let flags = input.octet()
    let status = flags & 3 == 3 ? 429 : flags & 3 == 2 ? 500 : flags & 3 == 1 ? 400 : 200
    let body = Array(input.rest)
    switch TokenReply.token(status: status, body: body) {
    case .success(let grant):
      for token in [grant.accessToken] + (grant.refreshToken.map { [$0] } ?? []) {
        check((1...TokenReply.tokenOctetsMax).contains(token.octets.count), "a token of \(token.octets.count)")
        check(token.octets.allSatisfy { (0x20...0x7E).contains($0) }, "a token with controls")
      }
      check((0...400 * 86_400).contains(grant.lifetimeSeconds), "lasts \(grant.lifetimeSeconds) s")
      check(status == 200, "a token with \(status)")
    case .failure(let refusal): isTold(refusal)
    }
    switch TokenReply.deviceCode(status: status, body: body) {
    case .success(let code):
      check(
        (1...60).contains(code.intervalSeconds) && code.lifetimeSeconds >= 0, "asked each \(code.intervalSeconds) s")
      check(EndpointAddress(code.address.text) != nil || code.address.text.utf8.count >= 500, "at \(code.address)")
    case .failure(let refusal): isTold(refusal)
    }
  }

  private static func isTold(_ refusal: TokenRefusal) {
    _ = refusal.nature
    let text = refusal.explained(upstream: "relay")
    check(!text.isEmpty && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "says \(text)")
  }
}
