// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import Testing

@testable import SMTP

@Suite("A login at an upstream")
struct LoginTests {
  private static let password = ClientSecret.password(Secret("pencil"))
  private static let token = ClientSecret.token(Secret("t0ken"))
  private static let all: Set<String> = Set(ClientMechanism.allCases.map(\.rawValue) + ["NTLM", "GSSAPI"])

  @Test(
    "is spoken in the best way that both sides know, and never in one that does not fit the secret",
    arguments: [
      (password, nil, all, true, ClientMechanism.scramSHA256Plus), (password, nil, all, false, .scramSHA256),
      (password, nil, ["LOGIN", "PLAIN"], true, .plain), (password, nil, ["LOGIN", "CRAM-MD5"], true, .login),
      (password, nil, ["CRAM-MD5", "XOAUTH2"], true, nil), (password, .cramMD5, all, true, .cramMD5),
      (password, .scramSHA256, all, true, .scramSHA256), (password, .plain, ["LOGIN"], true, nil),
      (password, .scramSHA256Plus, all, false, nil), (password, .xoauth2, all, true, nil),
      (.password(Secret("pässword")), nil, all, true, .plain),
      (token, nil, all, true, .oauthBearer), (token, nil, ["PLAIN", "XOAUTH2"], true, .xoauth2),
      (token, nil, ["PLAIN", "LOGIN"], true, nil), (token, .xoauth2, all, true, .xoauth2),
      (token, .plain, all, true, nil), (.certificate, nil, all, true, .external),
      (.certificate, nil, ["PLAIN"], true, nil), (password, .external, all, true, .external),
    ] as [(ClientSecret, ClientMechanism?, Set<String>, Bool, ClientMechanism?)])
  func choice(
    _ secret: ClientSecret, _ configured: ClientMechanism?, _ offered: Set<String>, _ canBind: Bool,
    _ expected: ClientMechanism?
  ) {
    let login = ClientLogin(name: "user", secret: secret, mechanism: configured)
    #expect(login.choose(from: offered, canBind: canBind) == expected)
  }

  /// Plays an upstream that says these lines, one for each of ours. Returns what we said behind EHLO, and the end.
  private func play(
    _ login: ClientLogin, offers: String, bindings: ChannelBindings = ChannelBindings(), _ replies: [String]
  ) -> (said: [String], end: ClientSession.Action) {
    var session = ClientSession(
      policy: ClientPolicy(hostname: "gate.test", security: .implicit, login: login), nonce: [1, 2, 3])
    var output = ByteBuffer()
    session.tlsStarted(bindings, into: &output)
    var end = ClientSession.Action.wait
    for reply in ["220 relay.test\r\n", "250-relay.test\r\n250 AUTH \(offers)\r\n"] + replies {
      var input = ByteBuffer(string: reply)
      end = session.received(&input, into: &output)
      if case .derive(let derivation) = end { end = session.derived(derivation.run(), into: &output) }
      if end != .wait { break }
    }
    let said = String(buffer: output).split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
    return (Array(said.dropFirst().dropLast()), end)
  }

  private func challenge(_ text: String) -> String { "334 \(Base64.encode(Array(text.utf8)))\r\n" }

  @Test("by EXTERNAL names itself, or leaves that to the certificate", arguments: [("", "="), ("relay", "cmVsYXk=")])
  func external(name: String, sent: String) {
    let login = ClientLogin(name: name, secret: .certificate)
    let (said, end) = play(login, offers: "PLAIN EXTERNAL", ["235 ok\r\n"])
    #expect(said == ["AUTH EXTERNAL \(sent)"] && end == .ready)
  }

  @Test("by CRAM-MD5 is that of RFC 2195")
  func cram() {
    let login = ClientLogin(name: "tim", password: Secret("tanstaaftanstaaf"), mechanism: .cramMD5)
    let (said, end) = play(
      login, offers: "CRAM-MD5",
      ["334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n", "235 ok\r\n"])
    #expect(said == ["AUTH CRAM-MD5", "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"] && end == .ready)
  }

  private static let serverFirst = "r=AQIDxyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"

  @Test("by SCRAM is one when the upstream has proved itself, and not before")
  func scram() throws {
    let login = ClientLogin(name: "us=er,", password: Secret("pencil"))
    let bindings = ChannelBindings(serverEndPoint: [UInt8](repeating: 255, count: 32))
    let serverFinal = challenge("v=wdZ6z8LS0CQNUtlL9pTeModPNAhkzZapud4LEkJkEKw=")
    let offers = "PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS"
    let first = challenge(Self.serverFirst)
    let (said, end) = play(login, offers: offers, bindings: bindings, [first, serverFinal, "235 ok\r\n"])
    #expect(end == .ready && said.count == 3 && said.last == "")
    #expect(said.first?.hasPrefix("AUTH SCRAM-SHA-256-PLUS ") == true)
    for ending in [
      ["235 ok\r\n"], [challenge("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), "235 ok\r\n"],
      [challenge("e=invalid-proof"), "235 ok\r\n"], ["334 \r\n", "235 ok\r\n"], ["334 !\r\n"],
      [serverFinal, serverFinal],
    ] {
      let (said, end) = play(login, offers: offers, bindings: bindings, [first] + ending)
      let trouble = try #require(blamed(end), "\(ending)")
      #expect(trouble.kind == .login && trouble.stage == "auth" && !trouble.isRefusalOfLogin)
      #expect(said.count <= 3)
    }
    for cost in ["1", "1000000000"] {
      let (said, end) = play(login, offers: offers, [challenge("r=AQIDxyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=\(cost)")])
      #expect(blamed(end)?.kind == .login && said.count == 1)
    }
  }

  @Test(
    "says that it would bind if the upstream could, and not where it could",
    arguments: [
      ("SCRAM-SHA-256", nil, ChannelBindings(exporter: [1]), "y,,"), ("SCRAM-SHA-256", nil, ChannelBindings(), "n,,"),
      ("SCRAM-SHA-256 SCRAM-SHA-256-PLUS", .scramSHA256, ChannelBindings(exporter: [1]), "n,,"),
      ("SCRAM-SHA-256-PLUS", nil, ChannelBindings(exporter: [1], serverEndPoint: [2]), "p=tls-exporter,,"),
      ("SCRAM-SHA-256-PLUS", nil, ChannelBindings(serverEndPoint: [2]), "p=tls-server-end-point,,"),
    ] as [(String, ClientMechanism?, ChannelBindings, String)])
  func header(offers: String, mechanism: ClientMechanism?, bindings: ChannelBindings, expected: String) throws {
    let login = ClientLogin(name: "user", secret: Self.password, mechanism: mechanism)
    let said = play(login, offers: offers, bindings: bindings, []).said
    let first = try #require(said.first?.split(separator: " ").last.flatMap { Base64.decode($0.utf8) })
    #expect(String(decoding: first, as: UTF8.self) == "\(expected)n=user,r=AQID")
  }

  @Test("ends where an upstream asks on and on", arguments: ClientMechanism.allCases)
  func endlessChallenges(mechanism: ClientMechanism) throws {
    let secret: ClientSecret = [.xoauth2, .oauthBearer].contains(mechanism) ? Self.token : Self.password
    let (said, end) = play(
      ClientLogin(name: "user", secret: secret, mechanism: mechanism), offers: mechanism.rawValue,
      bindings: ChannelBindings(exporter: [1]), [String](repeating: challenge("again"), count: 20))
    #expect(try #require(blamed(end)).kind == .login)
    #expect(said.count <= 3)
  }

  @Test(
    "with a long token waits for the challenge, and with one too long for that is none", arguments: [300, 5_000, 9_300])
  func length(octets: Int) throws {
    let login = ClientLogin(name: "user", token: Secret(String(repeating: "x", count: octets)))
    let (said, end) = play(login, offers: "XOAUTH2", ["334 \r\n", "235 ok\r\n"])
    switch octets {
    case 300: #expect(said[0].hasPrefix("AUTH XOAUTH2 ") && said[0].utf8.count <= 510)
    case 5_000: #expect(said.map(\.utf8.count) == [12, 6_700] && end == .ready)
    default: #expect(said == ["AUTH XOAUTH2"] && blamed(end)?.kind == .login)
    }
  }

  @Test("with a token tells what the upstream found wrong with it, without the token")
  func explanation() throws {
    let login = ClientLogin(name: "user", token: Secret("t0ken-t0ken"))
    let (said, end) = play(
      login, offers: "XOAUTH2",
      [challenge(#"{"status":"401","scope":"t0ken-t0ken"}"#), "535 5.7.8 not accepted\r\n"])
    let trouble = try #require(blamed(end))
    #expect(said.count == 2 && said[1] == "" && trouble.isRefusalOfLogin)
    #expect("\(trouble)" == #"auth: 535 5.7.8 not accepted; it explains: {"status":"401","scope":"***"}"#)
  }

  @Test("under a name with a control in it is not made")
  func control() {
    let (said, end) = play(
      ClientLogin(name: "user\u{1}auth=Bearer x", secret: Self.token), offers: "XOAUTH2 OAUTHBEARER", [])
    #expect(said.isEmpty && blamed(end)?.kind == .login)
  }

  @Test("goes wrong if the upstream speaks or hangs up while keys are derived")
  func interruption() throws {
    for reply in ["235 ok\r\n", "421 bye\r\n", nil] {
      var session = ClientSession(
        policy: ClientPolicy(
          hostname: "gate.test", security: .implicit, login: ClientLogin(name: "user", secret: Self.password)),
        nonce: [1, 2, 3])
      var output = ByteBuffer()
      var input = ByteBuffer(string: "220 x\r\n")
      #expect(session.received(&input, into: &output) == .wait)
      input = ByteBuffer(string: "250-x\r\n250 AUTH SCRAM-SHA-256\r\n")
      #expect(session.received(&input, into: &output) == .wait)
      input = ByteBuffer(string: challenge(Self.serverFirst))
      guard case .derive = session.received(&input, into: &output) else {
        Issue.record("nothing to derive")
        return
      }
      #expect(!session.isIdle && session.patienceSeconds == Limits.authSeconds)
      input = ByteBuffer(string: reply ?? "")
      let end = reply == nil ? session.disconnected(.unreachable, "gone") : session.received(&input, into: &output)
      #expect(try #require(blamed(end)).stage == "auth")
    }
  }

  private func blamed(_ action: ClientSession.Action) -> UpstreamTrouble? {
    if case .failed(let trouble, []) = action { trouble } else { nil }
  }
}
