// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import NIOCore
import NIOPosix
import OAuth
import SMTP
import Synchronization
import TLS
import TestKit
import Testing

@testable import Gateway
@testable import Queue

@Suite("Keepers of tokens over a reload, and a login that is tried out")
struct TokenKeepersTests {
  private func settings(_ server: AnsweringServer, tls: TLSContext) -> UpstreamSettings {
    var upstream = Configuration.Upstream(name: "office")
    upstream.username = "scans@relay.test"
    upstream.mechanism = .xoauth2
    upstream.oauth = Configuration.OAuth(clientID: "c", tokenURL: HTTPSAddress("\(server.address)")!)
    let credential = UpstreamCredential.set(
      upstream.clientSecretCredential, to: Secret("s"), by: "root", at: 0,
      over: Settings.credentials(configurationPath: "/nonexistent/postern.toml"))
    return UpstreamSettings(upstream: upstream, hostname: "gate.test", tls: tls).logging(inWith: credential)
  }

  private func token(_ text: String) -> String {
    AnsweringServer.answer(#"{"token_type":"Bearer","expires_in":3600,"access_token":"\#(text)"}"#)
  }

  @Test("a reload brings the keeper whom to trust, and what was disproved ends with it")
  func trust() throws {
    let server = try AnsweringServer([token("one"), token("two")])
    let threads = NIOThreadPool(numberOfThreads: 1)
    threads.start()
    let loop = server.group.next()
    let keepers = TokenKeepers(
      store: TokenStore(path: "/nonexistent/tokens"), http: HTTPSClient(connector: .loopback), threads: threads,
      clock: .system, eventLoop: loop)
    defer {
      try? keepers.stop().wait()
      server.stop()
      try? threads.syncShutdownGracefully()
    }
    let before = keepers.source(for: settings(server, tls: server.stranger))
    #expect(throws: UpstreamTrouble.self) { try before.login(on: loop).wait() }
    let after = keepers.source(for: settings(server, tls: server.client))
    #expect(before as? TokenKeeper === after as? TokenKeeper)
    #expect(try before.login(on: loop).wait()?.secret == .token(Secret("one")))
    keepers.renew("office")
    let new = keepers.source(for: settings(server, tls: server.client))
    #expect(new as? TokenKeeper !== after as? TokenKeeper)
    #expect(try new.login(on: loop).wait()?.secret == .token(Secret("two")))
    #expect(keepers.source(for: settings(server, tls: server.client)) as? TokenKeeper === new as? TokenKeeper)
  }

  /// Gives one token after the other.
  private final class Tokens: LoginSource {
    private let state = Mutex((number: 1, refused: [String](), accepted: 0))

    var refused: [String] { state.withLock { $0.refused } }
    var accepted: Int { state.withLock { $0.accepted } }

    func login(on eventLoop: any EventLoop) -> EventLoopFuture<ClientLogin?> {
      let number = state.withLock { $0.number }
      return eventLoop.makeSucceededFuture(
        ClientLogin(name: "u", token: Secret("token-\(number)"), mechanism: .xoauth2))
    }

    func accepted(_ login: ClientLogin) { state.withLock { $0.accepted += 1 } }

    func refused(_ login: ClientLogin, on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
      guard case .token(let token) = login.secret else { return eventLoop.makeSucceededFuture(false) }
      let isFirst = state.withLock { state in
        state.refused.append(String(decoding: token.octets, as: UTF8.self))
        state.number += 1
        return state.refused.count == 1
      }
      return eventLoop.makeSucceededFuture(isFirst)
    }
  }

  private func probe(_ acts: [UpstreamScript.Stage: [UpstreamScript.Act]]) throws -> (LoginProbe.Verdict, Tokens) {
    let credentials = try TrialCredentials.shared.get()
    var script = UpstreamScript()
    script.isImplicitTLS = true
    script.mechanisms = ["XOAUTH2"]
    script.acts = acts
    let listener = try ScriptedListener(script, tls: credentials.server, record: ScriptedUpstream.Box())
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    defer {
      listener.shutDown()
      try? group.syncShutdownGracefully()
    }
    var upstream = Configuration.Upstream(name: "office")
    (upstream.host, upstream.port) = ("localhost", listener.port)
    let queue = try MessageQueue.open(
      disk: SimulatedDisk(), policy: QueuePolicy(segmentOctets: 1 << 20),
      now: Instant(wall: 1_790_000_000_000, monotonic: 50_000), salt: 7, host: "gate", ready: {}
    ).queue
    let threads = NIOThreadPool(numberOfThreads: 1)
    let tokens = Tokens()
    let verdict = try LoginProbe.run(
      UpstreamSettings(upstream: upstream, hostname: "gate.test", tls: credentials.client), logins: tokens,
      queue: queue, threads: threads, connector: .loopback, on: group.next()
    ).wait()
    return (verdict, tokens)
  }

  @Test("a token that is refused while a login is tried is used no more, and the next one is tried at once")
  func refused() throws {
    let (verdict, tokens) = try probe([.auth: [.say("535 5.7.3 no")]])
    guard case .refused(let trouble) = verdict else {
      Issue.record("\(verdict)")
      return
    }
    #expect(trouble.reply?.code == 535)
    #expect(tokens.refused == ["token-1", "token-2"] && tokens.accepted == 0)
  }

  @Test("one that is accepted is known to be good")
  func accepted() throws {
    let (verdict, tokens) = try probe([:])
    guard case .accepted = verdict else {
      Issue.record("\(verdict)")
      return
    }
    #expect(tokens.refused.isEmpty && tokens.accepted == 1)
  }
}
