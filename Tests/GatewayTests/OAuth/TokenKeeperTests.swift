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
    private let client: OAuthClient
    private let store: TokenStore
    private let threads = NIOThreadPool(numberOfThreads: 1)

    init(_ answers: [String], refreshToken: String? = nil, secret: String? = nil) throws {
      threads.start()
      server = try AnsweringServer(answers)
      let settings = OAuthSettings(
        provider: .other, clientID: "c", tokenAddress: server.address,
        deviceAddress: secret == nil ? server.address : nil, applicationScope: "", deviceScope: "")
      client = OAuthClient(settings, proof: secret.map { .secret(Secret($0)) } ?? .none)
      let box = Box()
      store = TokenStore(path: "/nonexistent/tokens") { _, octets in try box.write(octets) }
      if let refreshToken {
        try store.keep(
          KeptGrant(
            upstream: "office", tokenAddress: server.address.description, clientID: "c",
            refreshToken: Secret(refreshToken), account: nil, signedIn: 0, renewed: Clock.system.now().wall,
            by: PeerText("root")))
      }
      keeper = Self.makeKeeper(client, server, store, threads, news)
      box.bench.withLock { $0 = self }
    }

    private static func makeKeeper(
      _ client: OAuthClient, _ server: AnsweringServer, _ store: TokenStore, _ threads: NIOThreadPool, _ news: News
    ) -> TokenKeeper {
      TokenKeeper(
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
    }

    /// For the same sign-in: after a reload, or to try something out.
    func another() -> TokenKeeper { Self.makeKeeper(client, server, store, threads, news) }

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

  /// A sign-in of somebody.
  private func signIn(_ bench: Bench, _ number: Int) -> (KeptGrant, TokenGrant) {
    (
      KeptGrant(
        upstream: "office", tokenAddress: bench.server.address.description, clientID: "c",
        refreshToken: Secret("n\(number)"), account: PeerText("scans@relay.test"), signedIn: 1,
        renewed: Clock.system.now().wall, by: PeerText("root")),
      TokenGrant(accessToken: Secret("new\(number)"), lifetimeSeconds: 3600, refreshToken: Secret("n\(number)"))
    )
  }

  private func token(_ login: EventLoopFuture<ClientLogin?>) throws -> ClientSecret? { try login.wait()?.secret }

  @Test("what a server gives to a keeper that was replaced meanwhile is kept, and the next one goes on with it")
  func replaced() throws {
    let bench = try Bench([token("one", refresh: "r2"), token("two")], refreshToken: "r1")
    defer { bench.stop() }
    let isHeard = bench.server.hold()
    let loop = bench.server.group.next()
    let lost = bench.keeper.login(on: loop)
    try isHeard.wait()
    let rest = bench.keeper.stop()
    let next = bench.another()
    let login = next.login(on: loop)
    bench.server.release()
    #expect(try token(login) == .token(Secret("two")))
    #expect(throws: UpstreamTrouble.self) { try lost.wait() }
    try rest.wait()
    #expect(bench.server.requests.map { $0.contains("refresh_token=r2") } == [false, true])
    #expect(bench.kept.withLock { $0.count } == 1 && next.facts.kept?.refreshToken == Secret("r2"))
    // Nothing of it was trouble.
    #expect(bench.news.heard.withLock { $0 }.isEmpty)
    try next.stop().wait()
  }

  @Test("so too if the disk has refused it")
  func replacedUnkept() throws {
    let bench = try Bench([token("one", refresh: "r2"), token("two", refresh: "r3")], refreshToken: "r1")
    defer { bench.stop() }
    bench.fails.withLock { $0 = true }
    #expect(trouble(bench.login()) != nil)
    try bench.keeper.stop().wait()
    bench.fails.withLock { $0 = false }
    let next = bench.another()
    #expect(try token(next.login(on: bench.server.group.next())) == .token(Secret("two")))
    #expect(bench.server.requests.last?.contains("refresh_token=r2") == true)
    try next.stop().wait()
  }

  @Test("a refresh token that another keeper has used is not used again")
  func turns() throws {
    let bench = try Bench(
      [token("one", refresh: "r2"), token("two", refresh: "r3"), token("three", refresh: "r4")], refreshToken: "r1")
    defer { bench.stop() }
    let loop = bench.server.group.next()
    let trial = bench.another()
    // Both want one at the same time.
    let first = trial.login(on: loop)
    let second = bench.keeper.login(on: loop)
    // Whose turn came first is not said.
    let isFirst = try token(second) == .token(Secret("one"))
    #expect(try token(first) == .token(Secret(isFirst ? "two" : "one")))
    try trial.stop().wait()
    #expect(try bench.refused(isFirst ? "one" : "two"))
    #expect(try bench.login().get()?.secret == .token(Secret("three")))
    #expect(
      bench.server.requests.map { request in ["r1", "r2", "r3"].first { request.contains("refresh_token=\($0)") } }
        == ["r1", "r2", "r3"])
  }

  @Test("of two sign-ins none is used before it is durable itself")
  func twoSignIns() throws {
    let bench = try Bench([])
    defer { bench.stop() }
    let (first, second) = (signIn(bench, 1), signIn(bench, 2))
    let (a, b) = try bench.server.group.next().submit {
      (bench.keeper.adopt(first.0, first.1), bench.keeper.adopt(second.0, second.1))
    }.wait()
    let durable = a.map { _ in bench.kept.withLock { $0.count } }
    #expect(try token(a) == .token(Secret("new2")) && token(b) == .token(Secret("new2")))
    #expect(try durable.wait() == 2)
    #expect(bench.keeper.facts.kept == second.0)
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
    // Told by another thread, within a moment.
    let end = ContinuousClock.now + .seconds(10)
    while bench.news.heard.withLock({ $0.isEmpty }), ContinuousClock.now < end {
      try bench.server.group.next().submit {}.wait()
    }
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
