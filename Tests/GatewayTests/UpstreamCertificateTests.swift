// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import Foundation
import NIOCore
import NIOPosix
import OAuth
import SMTP
import Systemd
import TestKit
import Testing

@testable import Gateway
@testable import TLS

@Suite("What the file says about TLS and logins is what connections are made with")
final class UpstreamCertificateTests {
  private let directory: String
  private let maker: CertificateMaker
  private let credentials: Credentials

  init() throws {
    directory = FileManager.default.temporaryDirectory.appending(path: "postern-identity-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    maker = try CertificateMaker(directory: directory)
    credentials = Credentials(serviceDirectory: directory, fallbackDirectory: "\(directory)/none")
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  private func configuration(_ keys: String) throws -> Configuration {
    let files = try maker.makeCertificate("gate")
    let text = """
      hostname = "gate.test"
      [upstream.office]
      host = "relay.test"
      \(keys)
      [tls]
      certificate = "\(files.certificate)"
      key = "\(files.key)"

      """
    let path = "\(directory)/postern.toml"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try ConfigurationLoader.load(path: path).get()
  }

  private func settings(_ keys: String, replacing old: UpstreamSettings? = nil) throws -> UpstreamSettings {
    let configuration = try configuration(keys)
    let before = old.map {
      Settings(configuration: configuration, users: UsersFile(), serverTLS: nil, upstreams: [$0])
    }
    return try UpstreamSettings.load(
      configuration.upstream, hostname: "gate.test", ExplainRules([]), replacing: before, from: credentials)
  }

  private func write(_ text: String, _ kind: String) throws {
    try text.write(toFile: "\(directory)/office.\(kind)", atomically: true, encoding: .utf8)
  }

  private func copy(_ path: String, to name: String) throws {
    try FileManager.default.contents(atPath: path)!.write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
  }

  // MARK: auth

  @Test("every value of auth arrives in the login", arguments: Configuration.Upstream.Mechanism.allCases)
  func mechanisms(value: Configuration.Upstream.Mechanism) throws {
    try write("secret-9", "password")
    try write("secret-8", "client-secret")
    // With tokens it would be the application's, and go before the secret.
    if value == .external { try copy(try maker.makeIdentity("office"), to: "office.client-certificate") }
    let usesToken = value == .xoauth2 || value == .oauthbearer
    let oauth = #"oauth = { client_id = "c", token_url = "https://login.test/token", scope = "s" }"#
    let settings = try settings("username = \"u\"\nauth = \"\(value.rawValue)\"\n\(usesToken ? oauth : "")")
    let password = ClientSecret.password(Secret("secret-9"))
    let expected: (mechanism: ClientMechanism?, secret: ClientSecret)? =
      switch value {
      case .auto: (nil, password)
      case .plain: (.plain, password)
      case .login: (.login, password)
      case .cramMD5: (.cramMD5, password)
      case .scramSHA256: (.scramSHA256, password)
      case .external: (.external, .certificate)
      case .xoauth2: (.xoauth2, .token(Secret("t")))
      case .oauthbearer: (.oauthBearer, .token(Secret("t")))
      case .none: nil
      }
    let login = try usesToken ? tokenLogin(settings) : settings.login
    #expect(login == expected.map { ClientLogin(name: "u", secret: $0.secret, mechanism: $0.mechanism) })
    #expect(settings.clientPolicy(login).login == login)
    #expect(settings.certificateFault == nil && settings.credentialTrouble == nil)
  }

  /// As connections get it from whoever keeps tokens.
  private func tokenLogin(_ settings: UpstreamSettings) throws -> ClientLogin {
    let keepers = TokenKeepers(
      store: TokenStore(path: "\(directory)/tokens") { _, _ in }, http: HTTPSClient(connector: .loopback),
      threads: NIOThreadPool.singleton, clock: .system, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
    defer { _ = keepers.stop() }
    _ = keepers.source(for: settings)
    return try #require(keepers[settings.name]).login(with: Secret("t"))
  }

  // MARK: certificates

  @Test(
    "a certificate comes from the file, else from the credential, and no other server sees it")
  func sources() throws {
    #expect(try settings("").tls.identity == nil)
    let path = try maker.makeIdentity("filed")
    try copy(try maker.makeIdentity("kept"), to: "office.client-certificate")
    let filed = try settings("client_certificate = \"\(path)\"")
    #expect(filed.tls.identity?.facts.subject == "/CN=filed" && filed.tls.identity?.source == path)
    #expect(filed.login == nil)
    let kept = try settings("")
    #expect(kept.tls.identity?.facts.subject == "/CN=kept")
    #expect(kept.tls.identity?.source == "credential 'office.client-certificate'")
    let external = try settings("auth = \"external\"")
    #expect(external.login == ClientLogin(name: "", secret: .certificate, mechanism: .external))
    #expect(external.credential?.name == "office.client-certificate" && external.tls.identity == kept.tls.identity)
    let both = try settings("auth = \"external\"\nusername = \"gate\"\nclient_certificate = \"filed.pem\"")
    #expect(both.login?.name == "gate" && both.credential == nil && both.tls.identity == filed.tls.identity)
    // Nothing of the upstream's is shown to the server that gives out tokens.
    #expect(filed.tokenTLS.identity == nil && filed.tokenTLS.sessions == nil && filed.tls.sessions != nil)
  }

  @Test("pins are for the upstream, and its authorization server is verified as every other host")
  func pins() throws {
    let pin = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    let settings = try settings("tls_verify = \"pin\"\ntls_pins = [\"\(pin)\"]")
    #expect(settings.tls.verification == .pins([SHA256.digest([])]))
    #expect(settings.tokenTLS.verification == .chain)
  }

  @Test("a file that cannot be used is an error that names upstream, file and fault, at a start and at a reload")
  func unusable() throws {
    let good = try maker.makeIdentity("good")
    let old = try settings("client_certificate = \"good.pem\"")
    let text = try String(contentsOfFile: good, encoding: .utf8)
    let cut = text.firstRange(of: "-----BEGIN PRIVATE")!.lowerBound
    let other = try String(contentsOfFile: try maker.makeIdentity("other"), encoding: .utf8)
    let otherKey = other[other.firstRange(of: "-----BEGIN PRIVATE")!.lowerBound...]
    for (content, fault) in [
      (nil, "no such file or directory"), (String(text[..<cut]), "it holds no private key in pem form"),
      (String(text[..<cut] + otherKey), "the private key in it is not that of its first certificate"),
      ("hello\n", "it holds no certificate in pem form"),
    ] {
      let path = "\(directory)/bad.pem"
      try? FileManager.default.removeItem(atPath: path)
      try content?.write(toFile: path, atomically: true, encoding: .utf8)
      for old in [nil, old] {
        #expect {
          try settings("client_certificate = \"bad.pem\"", replacing: old)
        } throws: { error in
          (error as? SettingsError)?.description.hasPrefix(
            "[upstream.office] client_certificate: cannot use \(path): \(fault)") == true
        }
      }
    }
  }

  @Test("an expired one is refused when it is new, holds mail back when time has done it, and is said with a date")
  func expired() throws {
    let path = try maker.makeIdentity("late", validity: .expired)
    let started = try settings("client_certificate = \"late.pem\"")
    let fault = try #require(started.certificateFault)
    #expect(fault.hasPrefix("cannot use \(path): the certificate /CN=late in it expired at 20"))
    #expect(fault.hasSuffix("put the renewed one there with its key, then: postern reload"))
    #expect(started.credentialTrouble == UpstreamTrouble(.tls, at: "tls", fault))
    // A reload for something else goes on; one that brings it in does not.
    #expect(try settings("client_certificate = \"late.pem\"", replacing: started).certificateFault == fault)
    _ = try maker.makeIdentity("fresh")
    let fresh = try settings("client_certificate = \"fresh.pem\"")
    #expect(throws: SettingsError.self) { try self.settings("client_certificate = \"late.pem\"", replacing: fresh) }
    // The renewed one, under the same name.
    _ = try maker.makeIdentity("late")
    let renewed = try settings("client_certificate = \"late.pem\"", replacing: started)
    #expect(renewed.certificateFault == nil && renewed.credentialTrouble == nil)
    #expect(renewed.tls.identity != started.tls.identity)
    // A host that does not know the time yet finds every certificate early: no reason not to try. A reload is told.
    _ = try maker.makeIdentity("early", validity: .notYet)
    #expect(try settings("client_certificate = \"early.pem\"").credentialTrouble == nil)
    let refused = #expect(throws: SettingsError.self) {
      try self.settings("client_certificate = \"early.pem\"", replacing: renewed)
    }
    #expect(refused?.description.contains("clock") == true)
  }

  @Test("the credential of auth = external is like a password: a start goes without it, a reload does not give it up")
  func credential() throws {
    let keys = "auth = \"external\""
    let missing = try settings(keys)
    #expect(missing.login == nil && missing.tls.identity == nil)
    #expect(
      missing.credentialTrouble?.description
        == "auth: no credential office.client-certificate: postern creds set office --client-certificate")
    try copy(try maker.makeIdentity("one"), to: "office.client-certificate")
    let one = try settings(keys, replacing: missing)
    #expect(one.login?.mechanism == .external && one.credentialTrouble == nil)
    try write("hello", "client-certificate")
    #expect(throws: SettingsError.self) { try self.settings(keys, replacing: one) }
    #expect(try settings(keys).credentialTrouble?.kind == .login)

    // What `creds set` brings counts at once, and has no session of the old one.
    let two = Secret(try String(contentsOfFile: try maker.makeIdentity("two"), encoding: .utf8))
    let set = UpstreamCredential.set(
      "office.client-certificate", to: two, by: "alice", at: 1_790_000_000_000, over: credentials)
    #expect(one.fault(of: set, in: two) == nil)
    let changed = one.logging(inWith: set)
    #expect(changed.tls.identity?.facts.subject == "/CN=two" && changed.tls !== one.tls)
    #expect(one.fault(of: set, in: Secret("x")) == "it holds no certificate in pem form")
    let late = Secret(
      try String(contentsOfFile: try maker.makeIdentity("late", validity: .expired), encoding: .utf8))
    #expect(one.fault(of: set, in: late)?.contains("expired at") == true)
  }
}
