// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import SMTP
import Testing

@Suite("The loader")
struct LoaderTests {
  @Test("gives every default with the smallest file")
  func defaults() throws {
    let configuration = try load(smallest).get()
    var expected = Configuration(hostname: "gate.example.com", upstream: .init(name: "relay"))
    expected.upstream.host = "smtp.example.com"
    expected.tls.certificate = "/c.pem"
    expected.tls.key = "/k.pem"
    #expect(configuration == expected)
    #expect(configuration.listeners.map(\.port) == [587, 465])
    #expect(configuration.listeners.map(\.security) == [.starttls, .implicit])
    #expect(configuration.upstream.credential == "relay")
    #expect(!configuration.upstream.authenticates)
  }

  @Test("reads every key")
  func everyKey() throws {
    let configuration = try load(
      #"""
      hostname = "gate.lan"
      postmaster = "admin@example.com"
      [upstream.office]
      provider = "generic"
      host = "2001:db8::1"
      port = 2587
      tls = "none"
      allow_insecure = true
      tls_verify = "full"
      tls_pins = []
      ca_file = "/ca.pem"
      client_certificate = ""
      auth = "none"
      credential = "other"
      max_connections = 3
      max_per_connection = 0
      senders = ["a@example.com", "@shop.example", "post@"]
      rewrite = "b@shop.example"
      null_sender = "rewrite"
      priority = 20
      rate = "20/m"
      quota = "10000 recipients/d"
      ip_version = 6
      source_address = "2001:db8::2"
      helo = "mx.example.com"
      capture_directory = "/capture"
      [upstream.cloud]
      region = "eu"
      provider = "mailgun"
      username = "postmaster@mg.example.com"
      tls_verify = "pin"
      tls_pins = ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]
      client_certificate = "c.pem"
      auth = "oauthbearer"
      oauth = { client_id = "postern", token_url = "https://[2001:db8::3]:8443/t?a=b", scope = "mail send" }
      [[route]]
      from = "@shop.example"
      to = ["*", "<>"]
      user = "copier-*"
      client = ["printer", "192.168.7.0/24"]
      size = ">10M"
      via = ["office", "cloud"]
      [[route]]
      from = ""
      size = ""
      via = "cloud"
      [listen.lan]
      address = ["127.0.0.1", "0::1"]
      port = 2525
      tls = "none"
      max_sessions = 7
      max_sessions_per_client = 0
      [access]
      trusted = ["192.168.1.0/24", "::1", "203.0.113.0/24"]
      allow_public_trusted = true
      deny = ["192.168.1.66", "10.0.0.0/8"]
      auth_failures = "20/h"
      users_file = "/users"
      [[client]]
      name = "printer"
      address = "192.168.1.40"
      allow = ["no-auth", "plaintext", "tls1.0", "bare-lf", "any-helo"]
      from = "scanner@example.com"
      allow_to = "@example.com"
      rate = "60/h"
      [[client]]
      name = "floor-2"
      address = ["192.168.2.0/24", "fd00::/8"]
      [sender]
      policy = "own"
      allowed = ["@example.com", "fax@"]
      received_header = "private"
      [message]
      max_size = "64K"
      max_recipients = 1000
      [queue]
      directory = "/queue"
      retry = ["30s", "2h"]
      lifetime = "2d"
      warn_after = "never"
      dropped_keep = "3d"
      [bounce]
      to = "both"
      [tls]
      certificate = "/c.pem"
      key = "/k.pem"
      minimum = "1.3"
      client_ca = "/ca.pem"
      [control]
      directory = "/control"
      [log]
      level = "debug"
      """#
    ).get()
    var expected = Configuration(hostname: "gate.lan", upstream: .init(name: "office"))
    expected.postmaster = Address("admin@example.com")
    expected.upstream.host = "2001:db8::1"
    expected.upstream.port = 2587
    expected.upstream.security = .none
    expected.upstream.allowInsecure = true
    expected.upstream.authorities = "/ca.pem"
    expected.upstream.mechanism = .none
    expected.upstream.credential = "other"
    expected.upstream.maxConnections = 3
    expected.upstream.maxPerConnection = 0
    expected.upstream.senders = [.address(Address("a@example.com")!), .domain("shop.example"), .local("post")]
    expected.upstream.rewrite = Address("b@shop.example")
    expected.upstream.nullSender = .rewrite
    expected.upstream.priority = 20
    expected.upstream.rate = .init(count: 20, seconds: 60)
    expected.upstream.quota = .init(count: 10_000, unit: .recipients)
    expected.upstream.ipVersion = .six
    expected.upstream.sourceAddress = IPAddress("2001:db8::2")
    expected.upstream.helo = "mx.example.com"
    expected.upstream.captureDirectory = "/capture"
    var cloud = Configuration.Upstream(name: "cloud")
    cloud.provider = "mailgun"
    cloud.region = "eu"
    cloud.host = "smtp.eu.mailgun.org"
    (cloud.port, cloud.security) = (587, .starttls)
    cloud.username = "postmaster@mg.example.com"
    cloud.verification = .pin
    cloud.pins = ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]
    cloud.clientCertificate = configuration.upstreams[0].clientCertificate
    cloud.mechanism = .oauthbearer
    cloud.oauth = .init(
      clientID: "postern", tokenURL: HTTPSAddress("https://[2001:db8::3]:8443/t?a=b")!, scope: "mail send",
      deviceScope: "mail send")
    expected.upstreams.insert(cloud, at: 0)
    #expect(cloud.clientCertificate?.hasSuffix("/c.pem") == true)
    var route = Configuration.Route(number: 1, via: ["office", "cloud"])
    route.from = [.domain("shop.example")]
    route.to = [.any, .null]
    route.users = [TextPattern("copier-*")]
    route.clients = [.name(TextPattern("printer")), .network(Network("192.168.7.0/24")!)]
    route.size = .init(.more, 10 << 20)
    expected.routes = [route, .init(number: 2, via: ["cloud"])]
    var listener = Configuration.Listener(name: "lan", port: 2525, security: Configuration.Security.none)
    listener.addresses = ["127.0.0.1", "::1"]
    listener.maxSessions = 7
    listener.maxSessionsPerClient = 0
    expected.listeners = [listener]
    expected.namesListeners = true
    expected.access.trusted = ["192.168.1.0/24", "::1", "203.0.113.0/24"].compactMap { Network($0) }
    expected.access.deny = ["192.168.1.66", "10.0.0.0/8"].compactMap { Network($0) }
    expected.access.authFailures = .init(count: 20, seconds: 3600)
    expected.access.usersFile = "/users"
    expected.clients = [
      .init(
        name: "printer", addresses: [Network("192.168.1.40")!], allow: Set(Configuration.Client.Exception.allCases)),
      .init(name: "floor-2", addresses: [Network("192.168.2.0/24")!, Network("fd00::/8")!]),
    ]
    expected.clientsFile = configuration.clientsFile
    expected.clients[0].from = Address("scanner@example.com")
    expected.clients[0].allowTo = [.domain("example.com")]
    expected.clients[0].rate = .init(count: 60, seconds: 3600)
    expected.sender.policy = .own
    expected.sender.allowed = [.domain("example.com"), .local("fax")]
    expected.sender.receivedHeader = .private
    expected.message.maxSize = 65536
    expected.message.maxRecipients = 1000
    expected.queue.directory = "/queue"
    expected.queue.retry = [30_000, 7_200_000]
    expected.queue.lifetime = 172_800_000
    expected.queue.warnAfter = nil
    expected.queue.droppedKeep = 3 * 86_400_000
    expected.bounce.to = .both
    expected.tls.certificate = "/c.pem"
    expected.tls.key = "/k.pem"
    expected.tls.minimum = .v13
    expected.tls.clientAuthorities = "/ca.pem"
    expected.control.directory = "/control"
    expected.log.level = .debug
    #expect(configuration == expected)
  }

  @Test(
    "finds a postmaster: the one in the file, the account at the upstream, the mailbox that each domain must have",
    arguments: [
      ("", "", "postmaster@gate.example.com"), ("", "alerts@example.com", "alerts@example.com"),
      ("", "AKIA77", "postmaster@gate.example.com"), ("", "postmaster", "postmaster@gate.example.com"),
      ("it@example.org", "alerts@example.com", "it@example.org"),
    ])
  func postmaster(_ written: String, _ username: String, _ found: String) throws {
    let account = username.isEmpty ? "" : "username = \"\(username)\""
    let configuration = try load(
      "postmaster = \"\(written)\"\n[upstream.relay]\nhost = \"a.example\"\n\(account)\n"
    ).get()
    #expect(configuration.postmasterAddress.text == found)
  }

  @Test(
    "takes port and tls of an upstream from each other",
    arguments: [
      ("", 465, Configuration.Security.implicit),
      ("port = 465", 465, .implicit),
      ("port = 587", 587, .starttls),
      ("port = 2525", 2525, .starttls),
      (#"tls = "starttls""#, 587, .starttls),
      (#"tls = "implicit""#, 465, .implicit),
      ("tls = \"none\"\nallow_insecure = true", 25, .none),
      ("tls = \"starttls\"\nport = 465", 465, .starttls),
    ])
  func upstreamSecurity(_ keys: String, _ port: Int, _ security: Configuration.Security) throws {
    let upstream = try load("[upstream.relay]\nhost = \"a.example\"\n\(keys)\n").get().upstream
    #expect(upstream.port == port)
    #expect(upstream.security == security)
  }

  @Test(
    "takes port and tls of a listener from its name and from each other",
    arguments: [
      ("submission", "", 587, Configuration.Security.starttls),
      ("submissions", "", 465, .implicit),
      ("submissions", "port = 2465", 2465, .starttls),
      ("submission", "port = 465", 465, .implicit),
      ("smtp", "port = 25\ntls = \"none\"", 25, .none),
    ])
  func listenerSecurity(_ name: String, _ keys: String, _ port: Int, _ security: Configuration.Security) throws {
    let listeners = try load("[listen.\(name)]\n\(keys)\n").get().listeners
    #expect(listeners == [Configuration.Listener(name: name, port: port, security: security)])
  }

  @Test("asks for no certificate where no listener uses TLS")
  func noCertificate() throws {
    let configuration = try load(["postern.toml": "[upstream.capture]\n[listen.smtp]\nport = 25\ntls = \"none\"\n"])
      .get()
    #expect(configuration.tls == Configuration.ServerTLS())
    #expect(configuration.upstream.isCapture)
  }

  @Test("takes a table's name for the provider only where it is one")
  func providers() throws {
    #expect(try load("[upstream.capture]\n").get().upstream.isCapture)
    #expect(try load("[upstream.trial]\nprovider = \"capture\"\n").get().upstream.isCapture)
    let upstream = try load("[upstream.capture]\nprovider = \"generic\"\nhost = \"a.example\"\n").get().upstream
    #expect(upstream.provider == "generic")
    #expect(try load("[upstream.office]\nhost = \"a.example\"\n").get().upstream.provider == "generic")
    #expect(try load("[upstream.gmail]\nusername = \"a@b.example\"\n").get().upstream.provider == "gmail")
  }

  @Test("merges the tables of drop-ins, replaces their lists, and lets the later file win")
  func merging() throws {
    let configuration = try load([
      "postern.toml": smallest + """
        [access]
        trusted = ["10.0.0.0/8"]
        users_file = "/users"
        [[client]]
        name = "a"
        address = "10.0.0.1"
        [queue]
        lifetime = "1d"
        """,
      "conf.d/9.toml": "[queue]\nlifetime = \"9d\"\n",
      "conf.d/10.toml": """
      queue.lifetime = "10d"
      access.trusted = ["192.168.0.0/16"]
      upstream.relay.username = "u"
      [[client]]
      name = "b"
      address = "10.0.0.2"
      """,
      "conf.d/99.toml.off": "bogus",
      "conf.d/.99.toml": "bogus",
    ]).get()
    #expect(configuration.queue.lifetime == 9 * 86_400_000)
    #expect(configuration.access.trusted == [Network("192.168.0.0/16")!])
    #expect(configuration.access.usersFile == "/users")
    #expect(configuration.clients.map(\.name) == ["b"])
    // Where another one belongs then.
    #expect(configuration.clientsFile?.hasSuffix("/conf.d/10.toml") == true)
    #expect(configuration.upstream.host == "smtp.example.com")
    #expect(configuration.upstream.username == "u")
  }

  @Test("starts relative paths at the directory of the main file, also for drop-ins")
  func relativePaths() throws {
    let directory = try TemporaryDirectory([
      "postern.toml": smallest + "[queue]\ndirectory = \"./spool//q\"\n", "conf.d/a.toml": "tls.key = \"../k.pem\"\n",
    ])
    let configuration = try ConfigurationLoader.load(path: directory.file("./postern.toml"), hostname: { "a" }).get()
    #expect(configuration.queue.directory == directory.file("spool/q"))
    #expect(configuration.tls.key == directory.file("../k.pem"))
    #expect(configuration.tls.certificate == "/c.pem")
  }

  @Test("finds a file that is named from the working directory")
  func relativeName() throws {
    let directory = try TemporaryDirectory(["postern.toml": smallest + "[queue]\ndirectory = \"q\"\n"])
    let up = String(repeating: "../", count: FileManager.default.currentDirectoryPath.split(separator: "/").count)
    let configuration = try ConfigurationLoader.load(
      path: up + directory.file("postern.toml").dropFirst(), hostname: { "a" }
    ).get()
    #expect(configuration.queue.directory.hasPrefix("/"))
    #expect(configuration.queue.directory.hasSuffix("\(directory.path)/q"))
  }

  @Test("asks for the host's name only where the file does not say it")
  func hostname() throws {
    let directory = try TemporaryDirectory(["postern.toml": "hostname = \"gate.lan\"\n" + smallest])
    let path = directory.file("postern.toml")
    func name(_ system: String) -> String? {
      try? ConfigurationLoader.load(path: path, hostname: { system }).get().hostname
    }
    #expect(name("not a name") == "gate.lan")
    try directory.write("hostname = \"auto\"\n" + smallest, to: "postern.toml")
    #expect(name("box.example.com") == "box.example.com")
    #expect(name("not a name") == nil)
    try directory.write(smallest, to: "postern.toml")
    #expect(name("box") == "box")
    #expect(name("") == nil)
    #expect(!HostName.current().isEmpty)
  }

  @Test("gives a client to the narrowest network that holds its address")
  func clients() throws {
    let configuration = try load(
      """
      [[client]]
      name = "all"
      address = "10.0.0.0/8"
      [[client]]
      name = "one"
      address = ["192.168.1.1", "10.1.2.3"]
      [[client]]
      name = "some"
      address = ["10.1.0.0/16", "fd00::/8"]
      """
    ).get()
    let expected = [
      "10.1.2.3": "one", "10.1.9.9": "some", "10.9.9.9": "all", "::ffff:10.1.2.3": "one", "fd00::1": "some",
      "192.168.1.2": nil, "::1": nil,
    ]
    for (address, name) in expected { #expect(configuration.client(at: IPAddress(address)!)?.name == name) }
  }
}
