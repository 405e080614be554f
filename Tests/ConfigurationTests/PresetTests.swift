// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import SMTP
import Testing

@Suite("Presets")
struct PresetTests {
  private func upstream(_ text: String) throws -> Configuration.Upstream {
    try load("[upstream.\(text)\n").get().upstreams[0]
  }

  @Test("of all providers that are promised are there, and each is a valid file")
  func complete() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: "\(shareDirectory)/providers")
    let names = [
      "capture", "fastmail", "generic", "gmail", "gmail-relay", "m365", "mailgun", "postmark", "sendgrid", "ses",
    ]
    #expect(Set(files) == Set(names.map { "\($0).toml" }))
    for name in names {
      let keys = ["host = \"a.example\"", "username = \"a@b.example\"", "region = \"eu\""]
      let minimum: [String: [String]] = [
        "capture": [], "generic": [keys[0]], "gmail-relay": [], "sendgrid": [], "postmark": [],
        "ses": [keys[1], keys[2]],
        "m365": [keys[1], "oauth = { tenant = \"b.example\", client_id = \"3f0c\" }"],
      ]
      let text = (minimum[name] ?? [keys[1]]).joined(separator: "\n")
      #expect(try upstream("\(name)]\n\(text)").provider == name)
    }
  }

  @Test("make an upstream of a name and a user name")
  func gmail() throws {
    var expected = Configuration.Upstream(name: "gmail")
    expected.provider = "gmail"
    expected.host = "smtp.gmail.com"
    expected.username = "alerts@example.com"
    expected.stripsPasswordSpaces = true
    expected.senders = [.address(Address("alerts@example.com")!)]
    expected.rewrite = Address("alerts@example.com")
    expected.quota = .init(count: 500)
    #expect(try upstream("gmail]\nusername = \"alerts@example.com\"") == expected)
  }

  @Test("leave every key to the file")
  func overridden() throws {
    let office = try upstream(
      """
      office]
      provider = "m365"
      username = "scans@example.com"
      host = "proxy.example.com"
      port = 2525
      auth = "login"
      senders = "*"
      rate = ""
      quota = ""
      max_connections = 9
      """)
    #expect(office.provider == "m365")
    #expect([office.host, "\(office.port)", office.security.rawValue] == ["proxy.example.com", "2525", "starttls"])
    #expect(office.mechanism == .login && office.usesPassword && office.oauth == nil)
    #expect(office.senders == [.any] && office.rewrite == nil && office.rate == nil && office.quota == nil)
    #expect(office.maxConnections == 9)
  }

  @Test("build hosts from regions")
  func regions() throws {
    #expect(
      try upstream("ses]\nusername = \"AKIA\"\nregion = \"eu-west-1\"").host == "email-smtp.eu-west-1.amazonaws.com")
    #expect(try upstream("mailgun]\nusername = \"a@b.example\"").host == "smtp.mailgun.org")
    #expect(try upstream("mailgun]\nusername = \"a@b.example\"\nregion = \"eu\"").host == "smtp.eu.mailgun.org")
    #expect(try upstream("ses]\nusername = \"AKIA\"\nhost = \"vpc.example\"").host == "vpc.example")
  }

  @Test("know who needs tokens, and where from")
  func tokens() throws {
    let app = try upstream(
      "m365]\nusername = \"a@b.example\"\noauth = { tenant = \"b.example\", client_id = \"3f0c\" }")
    #expect(app.mechanism == .xoauth2 && !app.usesPassword && app.authenticates)
    #expect(
      app.oauth?.tokenURL == HTTPSAddress("https://login.microsoftonline.com/b.example/oauth2/v2.0/token"))
    #expect(app.oauth?.deviceURL?.target == "/b.example/oauth2/v2.0/devicecode")
    #expect(app.oauth?.scope == "https://outlook.office365.com/.default")
    #expect(app.oauth?.deviceScope == "https://outlook.office.com/SMTP.Send offline_access")
    let gmail = try upstream("gmail]\nusername = \"a@b.example\"\noauth.client_id = \"x\"")
    #expect(gmail.mechanism == .auto && !gmail.usesPassword)
    #expect(gmail.oauth?.tokenURL.host == "oauth2.googleapis.com")
  }

  @Test("say what a login is made of")
  func logins() throws {
    let token = try upstream("postmark]")
    #expect(token.usernameIsPassword && token.username == nil && token.usesPassword)
    #expect(try upstream("sendgrid]").username == "apikey")
    #expect(try upstream("gmail-relay]").helo == nil)
    let relay = try upstream("gmail-relay]\nusername = \"a@b.example\"")
    #expect(relay.helo == "b.example" && relay.senders == [.any])
    #expect(try upstream("gmail-relay]\nusername = \"a@b.example\"\nhelo = \"\"").helo == nil)
  }

  @Test("beside the configuration come before the installed ones, and may be new")
  func own() throws {
    let files = [
      "postern.toml": "[upstream.office]\n[upstream.gmail]\n[tls]\ncertificate = \"/c\"\nkey = \"/k\"\n",
      "providers/office.toml": "host = \"relay.office.example\"\nport = 587\n",
      "providers/gmail.toml": "host = \"cache.office.example\"\n",
    ]
    let upstreams = try load(files).get().upstreams
    #expect(upstreams.map(\.host) == ["relay.office.example", "cache.office.example"])
    #expect(upstreams.map(\.security) == [.starttls, .implicit])
    #expect(upstreams.map(\.provider) == ["office", "gmail"])
  }

  @Test("that are wrong are told with their file, once, and what follows from them is not")
  func wrong() throws {
    let said = try rendered([
      "postern.toml": """
      [upstream.a]
      provider = "office"
      [upstream.b]
      provider = "office"
      [upstream.c]
      provider = "broken"
      [tls]
      certificate = "/c"
      key = "/k"
      """,
      "providers/office.toml":
        "hots = \"relay.office.example\"\nport = 0\nusername = \"{pass}\"\n[[refuse]]\nport = 25\n",
      "providers/broken.toml": "host = \n",
    ])
    #expect(
      said == #"""
        providers/office.toml:1:1: error: unknown key 'hots' before the first table
          1 | hots = "relay.office.example"
            | ^^^^ did you mean 'host'?
        providers/office.toml:2:8: error: 'port' must be 1-65535, not 0
          2 | port = 0
            |        ^
        providers/office.toml:3:12: error: 'username' must be a value of its kind, which may hold {password}, not \#
        "{pass}"
          3 | username = "{pass}"
            |            ^^^^^^^^
        providers/office.toml:4:1: error: [[refuse]] needs 'because' and 'instead'
          4 | [[refuse]]
            | ^^^^^^^^^^
        providers/broken.toml:1:8: error: syntax error: key-value pair: expected value, saw '\n'
          1 | host = 
            |        ^
        """#)
  }

  @Test("and rules are found from where the program lies")
  func share() {
    #expect(ShareDirectory.directory(ofProgram: "/usr/sbin/posternd") == "/usr/share/postern")
    #expect(ShareDirectory.directory(ofProgram: "/usr/local/bin/postern") == "/usr/local/share/postern")
    #expect(ShareDirectory.directory(ofProgram: "/usr/sbin/posternd (deleted)") == "/usr/share/postern")
    #expect(ShareDirectory.directory(ofProgram: "/src/.build/x86_64/release/posternd") == "/src/etc")
    #expect(ShareDirectory.directory(ofProgram: "/sbin/posternd") == "/share/postern")
    #expect(ShareDirectory.directory(ofProgram: "/posternd") == nil)
    #expect(ShareDirectory.directory(ofProgram: "posternd") == nil)
  }
}
