// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import Glibc
import OAuth
import Systemd
import TLS
import Testing

@testable import Gateway

@Suite("What proves the application")
struct ProofTests {
  private let directory: String
  private let credentials: Credentials

  init() throws {
    var template = Array("/tmp/postern-proof-XXXXXX".utf8CString)
    directory = String(cString: try #require(mkdtemp(&template)))
    credentials = Credentials(serviceDirectory: directory, fallbackDirectory: "\(directory)/none")
  }

  private func remove() {
    for name in ["client-secret", "client-certificate"] { unlink("\(directory)/m365.\(name)") }
    rmdir(directory)
  }

  private func write(_ text: String, _ kind: String) throws {
    let file = open("\(directory)/m365.\(kind)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    try #require(file >= 0)
    defer { close(file) }
    _ = Array(text.utf8).withUnsafeBytes { Glibc.write(file, $0.baseAddress!, $0.count) }
  }

  private func upstream(deviceURL: Bool = true, tokenURL: String = "https://login.microsoftonline.com/t/token")
    -> Configuration.Upstream
  {
    var upstream = Configuration.Upstream(name: "m365")
    upstream.username = "scans@example.test"
    upstream.mechanism = .xoauth2
    upstream.oauth = Configuration.OAuth(
      clientID: "c", tokenURL: .init(tokenURL)!, deviceURL: deviceURL ? .init("https://login.test/device")! : nil,
      scope: "app", deviceScope: "person")
    return upstream
  }

  private func settings(
    _ upstream: Configuration.Upstream, replacing old: UpstreamSettings? = nil
  ) throws -> UpstreamSettings {
    let settings = UpstreamSettings(
      upstream: upstream, hostname: "gate.test", tls: try TLSContext.client(authorities: nil, minimum: .v12))
    let before = old.map {
      Settings(
        configuration: Configuration(hostname: "gate.test", upstream: upstream), users: UsersFile(), serverTLS: nil,
        upstreams: [$0])
    }
    return settings.logging(
      inWith: try UpstreamCredential.loadProof(of: upstream, replacing: before, from: credentials))
  }

  @Test("without a credential somebody signs in; with a secret the application logs in itself")
  func kinds() throws {
    defer { remove() }
    let person = try settings(upstream())
    #expect(person.oauth?.flow == .device && person.oauth?.scope == "person")
    #expect(person.credential == nil && person.credentialTrouble == nil && person.logsIn)
    try write("hush\n", "client-secret")
    let application = try settings(upstream(), replacing: person)
    #expect(application.oauth?.proof == .secret(Secret("hush")))
    #expect(application.oauth?.scope == "app" && application.oauth?.kind == "client secret")
    #expect(application.login == nil)
  }

  @Test("an upstream that logs in with tokens does so whatever its token_url looks like")
  func tokenAddress() throws {
    defer { remove() }
    for url in [
      "https://login.test/@tenant/token", "https://LOGIN.test:8443?x=y@z", "https://[2001:db8::1]/token",
      "https://login.test",
    ] {
      var upstream = upstream()
      let tokenURL = try #require(HTTPSAddress(url))
      upstream.oauth = Configuration.OAuth(clientID: "c", tokenURL: tokenURL)
      let settings = try #require(OAuthSettings(upstream), "\(url)")
      #expect(settings.tokenAddress.description == "\(tokenURL)".lowercased(), "\(url)")
    }
  }

  @Test("where nobody can sign in a credential is missing, and the text says which to bring")
  func missing() throws {
    defer { remove() }
    let none = try settings(upstream(deviceURL: false))
    #expect(none.oauth == nil)
    #expect(
      none.credentialTrouble?.description
        == "auth: no credential m365.client-secret: postern creds set m365 --client-secret")
  }

  @Test("a certificate that cannot be used lets the gateway start and refuses a reload")
  func damaged() throws {
    defer { remove() }
    try write("no pem", "client-certificate")
    try write("hush", "client-secret")
    let start = try settings(upstream())
    #expect(start.oauth == nil)
    #expect(start.credentialTrouble?.description.hasSuffix("postern creds set m365 --client-certificate") == true)
    guard case .missing(let reason) = start.credential?.source else {
      Issue.record("taken")
      return
    }
    #expect(reason.contains("no certificate in pem form") && !reason.contains("hush"))
    unlink("\(directory)/m365.client-certificate")
    let good = try settings(upstream())
    try write("no pem", "client-certificate")
    #expect(throws: (any Error).self) { try settings(upstream(), replacing: good) }
  }

  @Test("a secret that was set stays over a reload that finds no file")
  func set() throws {
    defer { remove() }
    let old = try settings(upstream())
    let new = old.logging(
      inWith: .set("m365.client-secret", to: Secret("new"), by: "root", at: 1, over: credentials))
    #expect(try settings(upstream(), replacing: new).oauth?.proof == .secret(Secret("new")))
  }

  @Test("a secret at Google belongs to the person who signs in")
  func google() throws {
    defer { remove() }
    try write("hush", "client-secret")
    let settings = try settings(upstream(tokenURL: "https://oauth2.googleapis.com/token"))
    #expect(settings.oauth?.flow == .device)
    #expect(settings.oauth?.settings.provider == .google)
  }
}
