// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import Glibc
import Systemd
import TLS
import Testing

@testable import Gateway

@Suite("Where the secret for an upstream comes from")
struct UpstreamCredentialTests {
  private let place: CredentialPlace

  init() throws {
    place = try CredentialPlace()
  }

  @Test("at a start the files decide, and without one the gateway runs without a secret and says what to do")
  func start() throws {
    let missing = try place.load(replacing: nil)
    #expect(missing.upstreams[0].credential?.secret == nil)
    #expect(missing.upstreams[0].login == nil)
    #expect(
      missing.upstreams[0].credentialTrouble?.description
        == "auth: no credential office.password: postern creds set office")
    #expect(missing.findings.count == 1)

    for bad in ["", "\n"] {
      try place.write(bad)
      #expect(try place.load(replacing: nil).upstreams[0].login == nil)
    }
    try place.write("one\n")
    let found = try place.load(replacing: nil)
    #expect(found.upstreams[0].login?.secret == .password(Secret("one")))
    #expect(found.upstreams[0].credentialTrouble == nil && found.findings.isEmpty)
    guard case .file(let path, let modified, let owner) = found.upstreams[0].credential?.source else {
      Issue.record("not from a file")
      return
    }
    #expect(path == "\(place.service)/office.password")
    #expect(modified > 1_700_000_000_000)
    #expect(owner == String(cString: getpwuid(geteuid()).pointee.pw_name))
  }

  @Test("a reload does not give up a secret for a file that is missing or empty; what was missing may stay so")
  func reload() throws {
    try place.write("one")
    let first = try place.load(replacing: nil)
    place.remove()
    #expect(throws: SystemdError.self) { try place.load(replacing: first) }
    try place.write("")
    #expect(throws: SystemdError.self) { try place.load(replacing: first) }
    try place.write("two")
    #expect(try place.load(replacing: first).upstreams[0].login?.secret == .password(Secret("two")))

    place.remove()
    let without = try place.load(replacing: nil)
    let still = try place.load(replacing: without)
    #expect(still.upstreams[0].login == nil && still.upstreams[0].credentialTrouble != nil)
    try place.write("three")
    #expect(try place.load(replacing: still).upstreams[0].login?.secret == .password(Secret("three")))
  }

  @Test("a credential that a reload needs for the first time has to be there")
  func newCredential() throws {
    try place.write("one")
    var first = try place.load(replacing: nil)
    #expect(throws: SystemdError.self) {
      try UpstreamCredential.load("other.password", replacing: first, from: place.credentials)
    }
    first.configuration.upstream.username = nil
    let none = Settings.plain(first.configuration)
    place.remove()
    #expect(throws: SystemdError.self) { try place.load(replacing: none) }
  }

  @Test("a secret that was set stays over reloads until the content of the files is another one")
  func set() throws {
    try place.write("old")
    let first = try place.load(replacing: nil)
    let changed = first.logging("office", inWith: place.set("new"))
    #expect(try place.load(replacing: changed).upstreams[0].login?.secret == .password(Secret("new")))
    // Written again with the same content: systemd copies the same file once more.
    try place.write("old\n")
    let again = try place.load(replacing: changed)
    #expect(again.upstreams[0].login?.secret == .password(Secret("new")))
    try place.write("newer")
    let newer = try place.load(replacing: again)
    #expect(newer.upstreams[0].login?.secret == .password(Secret("newer")))
    guard case .file = newer.upstreams[0].credential?.source else {
      Issue.record("not from the file")
      return
    }
    // And from now on the file decides as ever.
    try place.write("old")
    #expect(try place.load(replacing: newer).upstreams[0].login?.secret == .password(Secret("old")))
  }

  @Test("a secret that was set where none was stays while there is no file, and goes when there is one")
  func setWithoutFile() throws {
    let changed = try place.load(replacing: nil).logging("office", inWith: place.set("new"))
    #expect(changed.upstreams[0].credentialTrouble == nil)
    #expect(try place.load(replacing: changed).upstreams[0].login?.secret == .password(Secret("new")))
    try place.write("")
    #expect(throws: SystemdError.self) { try place.load(replacing: changed) }
    try place.write("filed")
    #expect(try place.load(replacing: changed).upstreams[0].login?.secret == .password(Secret("filed")))
  }

  @Test("what no AUTH can carry is no secret")
  func faults() {
    for text in ["x", "correct horse", "p\u{E4}ss", String(repeating: "t", count: 8_192)] {
      #expect(UpstreamCredential.fault(in: Secret(text)) == nil)
    }
    for text in ["", "a\n", "a\r", "\ta", "a\u{0}b", "a\u{7F}", String(repeating: "t", count: 8_193)] {
      #expect(UpstreamCredential.fault(in: Secret(text)) != nil)
    }
  }

  @Test("every name that an upstream may have is one that its credential may have")
  func names() throws {
    let long = String(repeating: "a", count: 64)
    for name in ["office", "Office", "a.b", "a..b", "a.", "-x", "_", "M365", long] {
      let text = "hostname = \"gate.test\"\n[upstream.\"\(name)\"]\nhost = \"relay.test\"\nusername = \"u\"\n"
      let configuration = try place.configuration(text + "[tls]\ncertificate = \"c\"\nkey = \"k\"\n")
      let credential = try #require(configuration.upstream.credentialName)
      #expect(credential == "\(name).password")
      #expect(Credentials.isValid(credential))
    }
  }
}

/// A credentials directory, for one test.
private final class CredentialPlace {
  let root: String
  let credentials: Credentials

  init() throws {
    var template = Array("/tmp/postern-secret-XXXXXX".utf8CString)
    root = String(cString: try #require(mkdtemp(&template)))
    mkdir("\(root)/service", 0o700)
    credentials = Credentials(serviceDirectory: "\(root)/service", fallbackDirectory: "\(root)/fallback")
  }

  deinit {
    remove()
    unlink("\(root)/postern.toml")
    rmdir(service)
    rmdir(root)
  }

  var service: String { "\(root)/service" }

  func write(_ text: String) throws { try write(text, to: "\(service)/office.password") }

  func remove() { unlink("\(service)/office.password") }

  func load(replacing old: Settings?) throws -> Settings {
    var upstream = Configuration.Upstream(name: "office")
    upstream.username = "u"
    let settings = Settings.plain(Configuration(hostname: "gate.test", upstream: upstream))
    return settings.logging(
      "office", inWith: try UpstreamCredential.load("office.password", replacing: old, from: credentials))
  }

  func set(_ secret: String) -> UpstreamCredential {
    .set("office.password", to: Secret(secret), by: "alice", at: 1_790_000_000_000, over: credentials)
  }

  func configuration(_ text: String) throws -> Configuration {
    try write(text, to: "\(root)/postern.toml")
    return try ConfigurationLoader.load(path: "\(root)/postern.toml").get()
  }

  private func write(_ text: String, to path: String) throws {
    let stream = try #require(fopen(path, "w"))
    fputs(text, stream)
    fclose(stream)
  }
}
