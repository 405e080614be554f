// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import OAuth
import TLS

/// An authorization server, as one client of it sees it: requests of OAuth2 go in, what they mean comes back.
struct TokenServer: Sendable {
  /// There was no answer, for this reason; or there was one, and it is no.
  enum Failure: Error {
    case unanswered(String)
    case refused(TokenRefusal)
  }

  let client: OAuthClient
  let tls: TLSContext
  let http: HTTPSClient
  let clock: Clock

  func token(_ request: TokenRequest, on eventLoop: any EventLoop) -> EventLoopFuture<Result<TokenGrant, Failure>> {
    ask(request, on: eventLoop) { TokenReply.token(status: $0.status, body: $0.body) }
  }

  func deviceCode(on eventLoop: any EventLoop) -> EventLoopFuture<Result<DeviceCode, Failure>> {
    ask(.deviceCode, on: eventLoop) { TokenReply.deviceCode(status: $0.status, body: $0.body) }
  }

  private func ask<Reply: Sendable>(
    _ request: TokenRequest, on eventLoop: any EventLoop,
    _ read: @escaping @Sendable (HTTPSClient.Answer) -> Result<Reply, TokenRefusal>
  ) -> EventLoopFuture<Result<Reply, Failure>> {
    guard let address = request.address(of: client) else {
      return eventLoop.makeSucceededFuture(
        .failure(.unanswered("this provider has no sign-in with a code: oauth has no device_url")))
    }
    let form: Secret
    do {
      let nonce = Base64URL.encode(SecureRandom.octets(16))
      form = try request.body(client, unixSeconds: clock.now().wall / 1000, nonce: nonce)
    } catch {
      return eventLoop.makeSucceededFuture(.failure(.unanswered("\(error)")))
    }
    return http.post(form, to: address, tls: tls, on: eventLoop)
      .map { read($0).mapError { .refused($0) } }
      .flatMapErrorWithEventLoop { error, eventLoop in
        eventLoop.makeSucceededFuture(.failure(.unanswered("\(error)")))
      }
  }
}
