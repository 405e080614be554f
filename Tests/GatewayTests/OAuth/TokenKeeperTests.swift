// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import NIOPosix
import OAuth
import SMTP
import Synchronization
import Testing

@testable import Gateway

@Suite("Tokens for connections")
struct TokenKeeperTests {
  private final class News: Sendable {
    let heard = Mutex<[String]>([])
  }

  /// A keeper that asks a server with these answers. The store's disk fails while `fails` says so.
  private final class Bench: Sendable {
    let server: AnsweringServer
    let keeper: TokenKeeper
    let news = News()
    let kept = Mutex<[String]>([])
    let fails = Mutex(false)
    private let threads = NIOThreadPool(numberOfThreads: 1)

    init(_ answers: [String], refreshToken: String? = nil, secret: String? = nil) throws {
      threads.start()
      server = try AnsweringServer(answers)
      let settings = OAuthSettings(
        provider: .other, clientID: "c", tokenAddress: server.address,
        deviceAddress: secret == nil ? server.address : nil, applicationScope: "", deviceScope: "")
      let client = OAuthClient(settings, proof: secret.map { .secret(Secret($0)) } ?? .none)
      let box = Box()
      let store = TokenStore(path: "/nonexistent/tokens") { _, octets in try box.write(octets) }
      if let refreshToken {
        try store.keep(
          KeptGrant(
            upstream: "office", tokenAddress: server.address.description, clientID: "c",
            refreshToken: Secret(refreshToken), account: nil, signedIn: 0, renewed: Clock.system.now().wall,
            by: PeerText("root")))
      }
      let news = news
      keeper = TokenKeeper(
        upstream: "office", username: "scans@relay.test", mechanism: nil,
        server: TokenServer(
          client: client, tls: server.client, http: HTTPSClient(connector: .loopback),
          clock: .system),
        store: store, threads: threads, clock: .system, eventLoop: server.group.next(),
        news: { each in
          news.heard.withLock {
            switch each {
            case .trouble(let trouble): $0.append("\(trouble.kind.rawValue) \(trouble)")
            case .works: $0.append("works")
            }
          }
        })
      box.bench.withLock { $0 = self }
    }

    final class Box: Sendable {
      let bench = Mutex<Bench?>(nil)

      func write(_ octets: [UInt8]) throws {
        guard let bench = bench.withLock({ $0 }) else { return }
        if bench.fails.withLock({ $0 }) { throw TokenStoreError("no space left") }
        bench.kept.withLock { $0.append(String(decoding: octets, as: UTF8.self)) }
      }
    }

    func login() -> Result<ClientLogin?, any Error> {
      Result { try keeper.login(on: server.group.next()).wait() }
    }

    func refused(_ token: String) throws -> Bool {
      try keeper.refused(keeper.login(with: Secret(token)), on: server.group.next()).wait()
    }

    func stop() {
      keeper.stop()
      try? server.group.next().submit {}.wait()
      server.stop()
      try? threads.syncShutdownGracefully()
    }
  }

  private func token(_ token: String, refresh: String? = nil) -> String {
    let more = refresh.map { #","refresh_token":"\#($0)""# } ?? ""
    return AnsweringServer.answer(
      #"{"token_type":"Bearer","expires_in":3600,"access_token":"\#(token)"\#(more)}"#)
  }

  private func trouble(_ result: Result<ClientLogin?, any Error>) -> UpstreamTrouble? {
    if case .failure(let error) = result { error as? UpstreamTrouble } else { nil }
  }

  @Test("many connections that want a token ask for it once")
  func once() throws {
    let bench = try Bench([token("one")], secret: "s")
    defer { bench.stop() }
    let logins = (0..<20).map { _ in bench.keeper.login(on: bench.server.group.next()) }
    for login in logins { #expect(try login.wait() == ClientLogin(name: "scans@relay.test", token: Secret("one"))) }
    #expect(bench.server.requests.count == 1)
    #expect(bench.keeper.facts.tokenEnds != nil)
  }

  @Test("no connection gets a token before the refresh token that came with it is on the disk")
  func durableFirst() throws {
    let bench = try Bench([token("one", refresh: "r2")], refreshToken: "r1")
    defer { bench.stop() }
    bench.fails.withLock { $0 = true }
    let first = try #require(trouble(bench.login()))
    #expect(first.kind == .unreachable && first.stage == "token")
    #expect(first.text.text.contains("no space left") && !first.text.text.contains("r2"))
    #expect(bench.keeper.facts.kept?.refreshToken == Secret("r1"))
    bench.fails.withLock { $0 = false }
    #expect(try bench.login().get() == ClientLogin(name: "scans@relay.test", token: Secret("one")))
    // The server was asked once: what it had given was not thrown away.
    #expect(bench.server.requests.count == 1)
    #expect(bench.kept.withLock { $0.count } == 1)
    #expect(bench.kept.withLock { $0[0].contains("r2") })
  }

  @Test("a sign-in that is over is the upstream's trouble, with what to type, and asks nobody again")
  func over() throws {
    let bench = try Bench(
      [AnsweringServer.answer(#"{"error":"invalid_grant","error_description":"AADSTS50173: x"}"#, status: "400 Bad")],
      refreshToken: "r1")
    defer { bench.stop() }
    for _ in 0..<3 {
      let seen = try #require(trouble(bench.login()))
      #expect(seen.kind == .login && seen.stage == "token")
      #expect(seen.text.text.hasSuffix("postern creds login office (AADSTS50173)"))
    }
    #expect(bench.server.requests.count == 1)
  }

  @Test("a server that is away is no reason to sign in again")
  func away() throws {
    let bench = try Bench([AnsweringServer.answer("<html>", status: "503 Busy"), token("one")], secret: "s")
    defer { bench.stop() }
    #expect(trouble(bench.login())?.kind == .unreachable)
    #expect(try bench.login().get()?.secret == .token(Secret("one")))
    #expect(bench.news.heard.withLock { $0 } == ["works"])
  }

  @Test("where nobody has signed in that is told before any mail asks")
  func nobody() throws {
    let bench = try Bench([])
    defer { bench.stop() }
    try bench.server.group.next().submit {}.wait()
    #expect(
      bench.news.heard.withLock { $0 } == [
        "login token: nobody has signed in at the provider yet: postern creds login office"
      ])
  }

  @Test("a token that the upstream refused is replaced by another one, once")
  func refused() throws {
    let bench = try Bench([token("one"), token("two"), token("three")], secret: "s")
    defer { bench.stop() }
    _ = bench.login()
    #expect(try bench.refused("one"))
    #expect(try bench.login().get()?.secret == .token(Secret("two")))
    #expect(try !bench.refused("two"))
    #expect(try bench.login().get()?.secret == .token(Secret("three")))
  }

  @Test("a sign-in takes the place of what was there, and who waits hears of it when it is durable")
  func signIn() throws {
    let bench = try Bench([])
    defer { bench.stop() }
    let kept = KeptGrant(
      upstream: "office", tokenAddress: bench.server.address.description, clientID: "c", refreshToken: Secret("n1"),
      account: PeerText("scans@relay.test"), signedIn: 1, renewed: 1, by: PeerText("root"))
    let grant = TokenGrant(accessToken: Secret("new"), lifetimeSeconds: 3600, refreshToken: Secret("n1"))
    #expect(try bench.keeper.adopt(kept, grant).wait()?.secret == .token(Secret("new")))
    #expect(bench.kept.withLock { $0.count } == 1)
    #expect(bench.keeper.facts.kept == kept)
    #expect(bench.keeper.facts.trouble == nil)
    #expect(bench.news.heard.withLock { $0.last } == "works")
  }
}
