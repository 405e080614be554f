// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Glibc
import struct SMTP.Address
import struct SMTP.EnhancedStatus
import struct SMTP.Reply
import Testing

@testable import Gateway
@testable import Queue

@Suite("The control socket, with the real client at its other end")
struct AdministrationTests {
  @Test("status arrives whole, and its health is the exit code")
  func status() throws {
    let place = try Place()
    var client = try place.connect()
    #expect(client.greeting == Greeting(level: .admin))
    var (payloads, exit) = try client.ask("status")
    #expect(payloads == [.status(FakeGateway.status)])
    #expect(exit == .ok)
    place.gateway.change { $0.status.health = .degraded }
    (payloads, exit) = try client.ask("status")
    #expect(exit == .no)
  }

  @Test("a list of thousands comes complete and in order, through pages and slow writes")
  func list() throws {
    let place = try Place(messages: 5000)
    var client = try place.connect()
    let (payloads, exit) = try client.ask("queue")
    #expect(exit == .ok)
    #expect(payloads.messages.map(\.id) == place.gateway.views.map(\.id.description))
    #expect(place.gateway.largestLimit <= 64)
  }

  @Test("a selector is applied by the daemon")
  func filter() throws {
    let place = try Place(messages: 300)
    var client = try place.connect()
    let (payloads, _) = try client.ask("queue", .init(select: "user:nas size:>=250"))
    #expect(payloads.messages.map(\.size) == Array(stride(from: 250, to: 300, by: 2)))
    #expect(try client.ask("queue", .init(select: "user:nobody")).payloads.isEmpty)
  }

  @Test("a message of many recipients is one message again at the client")
  func manyRecipients() throws {
    let place = try Place(messages: 3)
    place.gateway.change { state in
      state.views[1].recipients = (1...1000).map {
        RecipientView(address: Address("r\($0)@example.org")!, state: .queued, attempts: 0)
      }
    }
    var client = try place.connect()
    let listed = try client.ask("queue").payloads.messages
    #expect(listed.map(\.recipients.count) == [1, 1000, 1])
    let shown = try client.ask("show", .init(message: listed[1].id)).payloads.messages
    #expect(shown.first?.recipients.map(\.address) == (1...1000).map { "r\($0)@example.org" })
  }

  @Test("flush touches what was meant, says what it did, and is recorded with who asked")
  func flush() throws {
    let place = try Place(messages: 200)
    var client = try place.connect()
    let (payloads, exit) = try client.ask("flush", .init(select: "user:nas"))
    #expect(exit == .ok)
    let expected = ChangeReply(
      verb: "flush", matched: 100, done: 100, failed: 0, actor: .init(uid: geteuid(), user: me))
    #expect(payloads == [.change(expected)])
    #expect(place.gateway.flushed.count == 100)
    _ = try client.ask("flush", .init(all: true))
    #expect(place.gateway.flushed.count == 300)
    #expect(
      place.audited == [
        "\(geteuid()) \(getpid()) flush user:nas | done: 100 matched, 100 changed",
        "\(geteuid()) \(getpid()) flush --all | done: 200 matched, 200 changed",
      ])
  }

  @Test("flush says that a paused upstream stays paused")
  func paused() throws {
    let place = try Place(messages: 1)
    place.gateway.change {
      $0.status.upstreams = [.init(name: "gmail", endpoint: "smtp.gmail.com:465", state: "paused", reason: "login")]
    }
    var client = try place.connect()
    guard case .change(let change) = try client.ask("flush", .init(all: true)).payloads.first else {
      Issue.record("no change")
      return
    }
    #expect(change.notes == ["upstream gmail is paused (login): mail for it waits until it is back"])
  }

  @Test("the beginning of an id stands for one message, or for an error that helps")
  func ids() throws {
    let place = try Place(messages: 50)
    let id = place.gateway.views[7].id.description
    place.gateway.change {
      $0.ambiguous = [
        "AAAA": (1...7).map { MessageID(number: $0) }, "7K": [MessageID(number: 1), MessageID(number: 2)],
      ]
    }
    var client = try place.connect()
    #expect(
      try client.ask("show", .init(message: String(id.prefix(4).lowercased()))).payloads.messages.map(\.id) == [id])
    #expect(try client.ask("queue", .init(select: String(id.prefix(5)))).payloads.messages.map(\.id) == [id])
    _ = try client.ask("flush", .init(select: String(id.prefix(4))))
    #expect(place.gateway.flushed.map(\.description) == [id])

    let shortest = (1...5).map { MessageID(number: $0).description }.joined(separator: ", ")
    let failures: [(AdminRequest.Arguments, String, ExitCode)] = [
      (.init(select: "7K"), "'7K' is too short for an id (need 4 characters); 2 messages start with it", .usage),
      (.init(select: "aaaa"), "'AAAA' is ambiguous: 7 messages start with it", .usage),
      (.init(select: "ZZZZ"), "no message starts with 'ZZZZ'", .noInput),
      (.init(select: "form:x"), "'form:x': there is no 'form:'. Did you mean 'from'?", .usage),
      (
        .init(select: "state:defered"), "'state:defered': there is no state 'defered'. Did you mean 'deferred'?", .usage
      ),
      (
        .init(select: "bob@x.org"),
        "'bob@x.org' is neither an id nor a term. Did you mean 'from:bob@x.org' or 'to:bob@x.org'?", .usage
      ),
      (.init(select: "user:\u{1B}[2J,"), #"'user:\x1b[2J,' needs a value, and one behind each comma"#, .usage),
    ]
    for (arguments, message, exit) in failures {
      let error = #expect(throws: AdminError.self) { try client.ask("queue", arguments) }
      #expect(error?.message == message)
      #expect(error?.exit == exit)
      if error?.code == "usage.ambiguous_id" { #expect(error?.context == ["\(shortest) and 2 more"]) }
    }
    let error = #expect(throws: AdminError.self) { try client.ask("show", .init(message: "user:nas")) }
    #expect(error?.message == "'user:nas' is no id")
    // The connection has survived all of that.
    #expect(try client.ask("status").exit == .ok)
  }

  @Test("show says what was read back from the log")
  func details() {
    let view = FakeGateway(messages: 1).views[0]
    let details = MessageDetails(
      view: view,
      origin: Origin(
        login: "nas", address: "192.168.1.20", helo: "NAS01", client: "nas-2", listener: "submissions", tls: "TLSv1.3"),
      replies: [
        LastReply(index: 0, wall: 0, reply: Reply(451, EnhancedStatus(4, 7, 1), "greylisted")),
        LastReply(index: 9, wall: 0, reply: Reply(250, nil, "of a recipient that is not there")),
      ],
      duplicatePossible: true)
    var expected = MessageReply(view, now: FakeGateway.now)
    (expected.recipients[0].code, expected.recipients[0].status, expected.recipients[0].reply) =
      (451, "4.7.1", "greylisted")
    expected.client = .init(
      address: "192.168.1.20", name: "nas-2", user: "nas", helo: "NAS01", listener: "submissions", tls: "TLSv1.3")
    expected.duplicatePossible = true
    #expect(MessageReply(details, now: FakeGateway.now) == expected)
    #expect(expected.ageSeconds == 60)
  }

  @Test("help names every state that a selector knows")
  func helpNamesStates() throws {
    let help = try HelpText.text(for: ["queue"])
    for state in Selector.states { #expect(help.contains(state)) }
  }

  @Test("a reload is done or it is an error with all the reasons")
  func reload() throws {
    let place = try Place()
    var client = try place.connect()
    let (payloads, exit) = try client.ask("reload")
    #expect(payloads == [.reload(ReloadReply(generation: 2, changed: ["upstream.gmail"]))])
    #expect(exit == .ok)
    let problems = ["postern.toml:4:1: error: unknown key 'usename'", "  4 | usename = 1", "    | ^^^^^^^"]
    place.gateway.change { $0.problems = problems }
    let error = #expect(throws: AdminError.self) { try client.ask("reload") }
    #expect(error?.context == problems)
    #expect(error?.exit == .configuration)
    place.gateway.change { $0.problems = Array(repeating: String(repeating: "x", count: 1000), count: 500) }
    let cut = #expect(throws: AdminError.self) { try client.ask("reload") }
    #expect(cut?.context.count == 33)
    #expect(cut?.context.last == "and 468 more lines")
    let who = "\(geteuid()) \(getpid()) reload | "
    let failed = who + "failed: generation 2 stays in force"
    #expect(place.audited == [who + "done: generation 2", failed, failed])
  }

  @Test("a command that is refused is recorded too, harmless in the log")
  func refusedAudit() throws {
    let place = try Place()
    var client = try place.connect()
    #expect(throws: AdminError.self) { try client.ask("flush", .init(select: "x:\n\u{1B}[2J")) }
    #expect(place.audited.count == 1)
    #expect(place.audited[0].hasPrefix(#"\#(geteuid()) \#(getpid()) flush x:\n\x1b[2J | refused: "#))
    #expect(place.audited[0].utf8.allSatisfy { (0x20...0x7E).contains($0) })
  }

  @Test("garbage and endless lines earn one error line and the end, and nobody else notices")
  func garbage() throws {
    let place = try Place()
    var bystander = try place.connect()
    let endless = [UInt8](repeating: 0x20, count: ControlLine.octetsMax + 1)
    for octets in [Array("GET / HTTP/1.1\r\n".utf8), [0, 0xFF, 0x0A], Array("{}\n".utf8), endless] {
      let raw = try RawConnection(place.path)
      _ = try raw.line()
      try raw.send(octets)
      let reply = try ControlLine.decode(AdminReply.self, from: raw.line())
      guard case .failure(nil, let error) = reply else {
        Issue.record("no failure: \(reply)")
        continue
      }
      #expect(error.exit == .usage)
      #expect(raw.isAtEnd)
    }
    #expect(try bystander.ask("status").exit == .ok)
  }

  @Test("requests that come at once are answered one after the other, also to who has finished writing")
  func pipelined() throws {
    let place = try Place(messages: 2000)
    let raw = try RawConnection(place.path)
    _ = try raw.line()
    let lines = ["status", "queue", "bogus", "status"].enumerated().map { #"{"v":1,"id":\#($0 + 1),"cmd":"\#($1)"}"# }
    try raw.send(Array((lines.joined(separator: "\n") + "\n" + #"{"v":1,"id":5,"cm"#).utf8))
    raw.finishWriting()
    var ends: [Int?] = []
    var messages = 0
    while let line = try raw.nextLine() {
      switch try ControlLine.decode(AdminReply.self, from: line) {
      case .data(2, .message): messages += 1
      case .data: break
      case .end(let id, _): ends.append(id)
      case .failure(let id, let error):
        #expect(error.code == "usage.unknown_command")
        ends.append(id)
      }
    }
    #expect(ends == [1, 2, 3, 4])
    #expect(messages == 2000)
  }

  @Test("a reader that does not read costs a bounded number of pages, while others are served")
  func slowReader() throws {
    let place = try Place(messages: 20_000)
    let raw = try RawConnection(place.path)
    _ = try raw.line()
    try raw.send(Array("{\"v\":1,\"id\":1,\"cmd\":\"queue\"}\n".utf8))
    var other = try place.connect()
    // Each round trip is a turn of the same event loop, and the list takes a page a turn while it may.
    for _ in 0..<300 { _ = try other.ask("status") }
    let pages = place.gateway.pages
    #expect(pages > 1)
    #expect(pages < 100)
    var messages = 0
    while case .data(1, .message) = try ControlLine.decode(AdminReply.self, from: raw.line()) { messages += 1 }
    #expect(messages == 20_000)
  }

  @Test("who finishes writing and reads late still gets the whole answer", arguments: [400, 600, 800, 1000])
  func lateReader(messages: Int) throws {
    let place = try Place(messages: messages)
    let raw = try RawConnection(place.path)
    _ = try raw.line()
    try raw.send(Array("{\"v\":1,\"id\":1,\"cmd\":\"queue\"}\n".utf8))
    raw.finishWriting()
    var other = try place.connect()
    for _ in 0..<50 { _ = try other.ask("status") }
    var lines = 0
    while try raw.nextLine() != nil { lines += 1 }
    #expect(lines == messages + 1)
  }

  @Test("who sends requests and reads no answers is not listened to either")
  func flood() throws {
    let place = try Place(messages: 20_000)
    let raw = try RawConnection(place.path)
    try raw.send(Array("{\"v\":1,\"id\":1,\"cmd\":\"queue\"}\n".utf8))
    var other = try place.connect()
    let requests = Array(String(repeating: "{\"v\":1,\"id\":2,\"cmd\":\"status\"}\n", count: 2000).utf8)
    var octets = 0
    for _ in 0..<100 {
      octets += raw.offer(requests)
      _ = try other.ask("status")
    }
    #expect(octets < 2 << 20)
  }

  @Test("the directory and the sockets have their modes, whatever umask says, and the files go with the daemon")
  func modes() throws {
    let place = try Place()
    #expect(try mode(of: place.directory) == 0o755)
    #expect(try mode(of: place.path) == 0o600)
    #expect(try mode(of: place.path(.operate)) == 0o660)
    #expect(try mode(of: place.path(.view)) == 0o660)
    try place.listener.stop().wait()
    for level in Command.Level.allCases { #expect(access(place.path(level), F_OK) != 0) }
    let error = #expect(throws: AdminError.self) { _ = try place.connect() }
    #expect(error?.code == "daemon.not_running")
    #expect(error?.exit == .unavailable)
  }

  @Test("the socket of a daemon that died is taken over; that of a living one, and any other file, is not")
  func takeover() throws {
    let place = try Place()
    #expect(throws: ControlSocketError.inUse(place.path)) { try place.open() }
    try place.listener.stop().wait()
    // A socket that nobody listens on any more.
    let socket = try ControlSocket.bind(directory: place.directory, level: .admin)
    close(socket.descriptor)
    let path = socket.path
    let refused = #expect(throws: AdminError.self) { _ = try place.connect() }
    #expect(refused?.code == "daemon.not_running")
    let second = try place.open()
    var client = try place.connect()
    #expect(try client.ask("status").exit == .ok)
    try second.stop().wait()
    close(creat(path, 0o600))
    #expect(throws: ControlSocketError.notASocket(path)) { try place.open() }
    #expect(access(path, F_OK) == 0)
  }

  @Test("stop ends the connections that are open")
  func stop() throws {
    let place = try Place()
    let raw = try RawConnection(place.path)
    _ = try raw.line()
    try place.listener.stop().wait()
    #expect(raw.isAtEnd)
  }

  @Test(
    "each socket gives its level, and what is above it is refused with what would give it",
    arguments: Command.Level.allCases)
  func levels(level: Command.Level) throws {
    let place = try Place()
    var client = try ControlClient(path: place.path(level), command: "test")
    #expect(client.greeting == Greeting(level: level))
    #expect(try client.ask("status").exit == .ok)
    // A client that asks all the same.
    let raw = try RawConnection(place.path(level))
    _ = try raw.line()
    for command in CommandTable.commands where command.isAsked && command.level > level {
      let asked = #expect(throws: AdminError.self) {
        try client.ask(command.name.rawValue, .init(all: true, name: "x"))
      }
      #expect(asked?.exit == .noPermission)
      let arguments = #"{"all":true,"name":"x"}"#
      try raw.send(Array("{\"v\":1,\"id\":1,\"cmd\":\"\(command.wireName)\",\"args\":\(arguments)}\n".utf8))
      guard case .failure(1, let error) = try ControlLine.decode(AdminReply.self, from: raw.line()) else {
        Issue.record("no failure")
        continue
      }
      #expect(error.code == "daemon.level")
      #expect(error.exit == .noPermission)
      #expect(error.hint?.hasPrefix("sudo postern \(command.name.rawValue)") == true)
    }
  }

  @Test("root, ourselves and members of the socket's group come in; for the admin's socket a group counts for nothing")
  func doors() {
    func peer(_ uid: uid_t, _ gid: gid_t = 1000, _ groups: [gid_t] = []) -> PeerCredentials {
      PeerCredentials(pid: 1, uid: uid, gid: gid, groups: groups)
    }
    for level in Command.Level.allCases {
      let door = ControlDoor(level: level, group: 4, owner: 101)
      #expect(door.admits(peer(0)) && door.admits(peer(101)))
      #expect(!door.admits(peer(1000)) && !door.admits(peer(1000, 1000, [5, 6])))
      #expect(door.admits(peer(1000, 4)) == (level != .admin))
      #expect(door.admits(peer(1000, 1000, [5, 4])) == (level != .admin))
      #expect(!ControlDoor(level: level, group: nil, owner: 101).admits(peer(1000, 0)))
    }
  }

  @Test("an inherited socket is served as it is, stays when we go, and need not be in our directory")
  func inherited() throws {
    let place = try Place()
    try place.listener.stop().wait()
    let path = place.directory + "/elsewhere.sock"
    let descriptor = UnixAddress.makeSocket()
    _ = try UnixAddress.call(path: path) { bind(descriptor, $0, $1) }.get()
    try #require(listen(descriptor, 8) == 0)
    let listener = try place.open(inherited: [.operate: [descriptor]])
    var client = try ControlClient(path: path, command: "test")
    #expect(client.greeting.level == .operate)
    #expect(access(place.path(.operate), F_OK) != 0)
    #expect(try ControlClient(path: place.path(.view), command: "test").greeting.level == .view)
    #expect(try client.ask("status").exit == .ok)
    try listener.stop().wait()
    #expect(access(path, F_OK) == 0)
    unlink(path)
  }

  @Test("a level that cannot be made beside inherited ones is named, and the others are served")
  func missingLevel() throws {
    let place = try Place()
    try place.listener.stop().wait()
    close(creat(place.path(.view), 0o600))
    #expect(throws: ControlSocketError.notASocket(place.path(.view))) { try place.open() }
    #expect(access(place.path(.admin), F_OK) != 0)
    let path = place.directory + "/elsewhere.sock"
    let descriptor = UnixAddress.makeSocket()
    _ = try UnixAddress.call(path: path) { bind(descriptor, $0, $1) }.get()
    try #require(listen(descriptor, 8) == 0)
    let listener = try place.open(inherited: [.admin: [descriptor]])
    #expect(listener.problems == [.notASocket(place.path(.view))])
    #expect(try ControlClient(path: path, command: "test").greeting.level == .admin)
    #expect(try place.connect(.operate).greeting.level == .operate)
    try listener.stop().wait()
    unlink(path)
    unlink(place.path(.view))
  }

  private var me: String { PeerCredentials(pid: 0, uid: geteuid(), gid: 0).userName }

  private func mode(of path: String) throws -> mode_t {
    var facts = stat()
    try #require(lstat(path, &facts) == 0)
    return facts.st_mode & 0o777
  }
}
