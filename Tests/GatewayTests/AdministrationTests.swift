// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Glibc
import NIOCore
import NIOEmbedded
import NIOPosix
import struct SMTP.Address
import struct SMTP.EnhancedStatus
import struct SMTP.Reply
import Synchronization
import TestKit
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
    let expected = ChangeReply(verb: "flush", matched: 100, done: 100, failed: 0, actor: .init(uid: geteuid()))
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
    for state in MessageState.allCases { #expect(help.contains(state.name)) }
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

  @Test("the directory and the socket have their modes, whatever umask says, and the file goes with the daemon")
  func modes() throws {
    let place = try Place()
    #expect(try mode(of: place.directory) == 0o755)
    #expect(try mode(of: place.path) == 0o600)
    try place.listener.stop().wait()
    #expect(access(place.path, F_OK) != 0)
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
    let (descriptor, path) = try ControlSocket.bind(directory: place.directory, name: "admin.sock")
    close(descriptor)
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

  private func mode(of path: String) throws -> mode_t {
    var facts = stat()
    try #require(lstat(path, &facts) == 0)
    return facts.st_mode & 0o777
  }
}

/// What needs another user, or time, or an end in the middle: the handler alone, on a loop that stands still.
@Suite("One admin connection, step by step")
struct AdminHandlerTests {
  private static let root = PeerCredentials(pid: 42, uid: 0, gid: 0)

  @Test("somebody who is neither root nor ourselves gets one line and is recorded")
  func foreigner() throws {
    let connection = try Connection(peer: PeerCredentials(pid: 7, uid: geteuid() + 1, gid: 0))
    guard case .failure(nil, let error) = try connection.reply() else {
      Issue.record("no failure")
      return
    }
    #expect(error.code == "daemon.permission")
    #expect(error.exit == .noPermission)
    #expect(connection.audited == ["\(geteuid() + 1) 7 connect | refused"])
    #expect(!connection.channel.isActive)
  }

  @Test("one connection too many is told so")
  func tooMany() throws {
    let connection = try Connection(peer: Self.root, isWelcome: false)
    guard case .failure(nil, let error) = try connection.reply() else {
      Issue.record("no failure")
      return
    }
    #expect(error.exit == .temporary)
    #expect(!connection.channel.isActive)
  }

  @Test("a reader who takes nothing for 30 s is gone; one who takes something in time is not")
  func stall() throws {
    let connection = try Connection(peer: Self.root, messages: 1000)
    _ = try connection.line()
    connection.channel.isWritable = false
    try connection.send(#"{"v":1,"id":1,"cmd":"queue"}"#)
    connection.loop.advanceTime(by: .seconds(29))
    #expect(connection.channel.isActive)
    connection.channel.isWritable = true
    connection.channel.pipeline.fireChannelWritabilityChanged()
    connection.loop.advanceTime(by: .seconds(29))
    #expect(connection.channel.isActive)
    connection.channel.isWritable = false
    try connection.send(#"{"v":1,"id":2,"cmd":"queue"}"#)
    connection.loop.advanceTime(by: .seconds(31))
    #expect(!connection.channel.isActive)
  }

  @Test("who leaves in the middle of a flush leaves a line with its count, and the rest undone")
  func abandoned() throws {
    let connection = try Connection(peer: Self.root, messages: 1000)
    try connection.send(#"{"v":1,"id":1,"cmd":"flush","args":{"all":true}}"#)
    // One page was done when the line came in.
    try connection.channel.close().wait()
    connection.loop.run()
    #expect(connection.gateway.flushed.count == 64)
    #expect(connection.audited == ["0 42 flush --all | connection lost: 64 matched, 64 changed"])
  }

  @Test("a reload whose asker has left is recorded all the same")
  func reloadWithoutAsker() throws {
    let connection = try Connection(peer: Self.root)
    connection.gateway.change { $0.holdsReloads = true }
    try connection.send(#"{"v":1,"id":1,"cmd":"reload"}"#)
    try connection.channel.close().wait()
    connection.gateway.releaseReloads()
    connection.loop.run()
    #expect(connection.audited == ["0 42 reload | done: generation 2"])
  }

  @Test("no octets on the socket bring the daemon down: each line is answered, or is the last")
  func fuzz() throws {
    var seed = SeededGenerator(seed: 4711)
    let lines = [
      #"{"v":1,"id":1,"cmd":"queue","args":{"select":"from:@example.com age:>1h"}}"#,
      #"{"v":1,"id":2,"cmd":"flush","args":{"all":true}}"#, #"{"v":1,"id":3,"cmd":"show","args":{"message":"7KQ2"}}"#,
    ].map { Array($0.utf8) }
    var connection = try Connection(peer: Self.root, messages: 3)
    for _ in 0..<2000 {
      var line = lines.randomElement(using: &seed)!
      for _ in 0..<Int.random(in: 1...6, using: &seed) {
        let place = Int.random(in: 0..<line.count, using: &seed)
        switch Int.random(in: 0..<3, using: &seed) {
        case 0: line[place] = UInt8.random(in: 0...255, using: &seed)
        case 1: line.insert(UInt8.random(in: 0...255, using: &seed), at: place)
        default: line.removeSubrange(place..<min(place + 5, line.count))
        }
        if line.isEmpty { line = [0x7B] }
      }
      try connection.channel.writeInbound(ByteBuffer(bytes: line + [0x0A]))
      connection.loop.run()
      var last: AdminReply?
      while let buffer = try connection.channel.readOutbound(as: ByteBuffer.self) {
        guard buffer.readableBytes > 0 else { continue }
        let octets = Array(buffer.readableBytesView.dropLast())
        if (try? ControlLine.decode(Greeting.self, from: octets)) != nil { continue }
        last = try ControlLine.decode(AdminReply.self, from: octets)
      }
      switch last {
      case .failure(nil, _):
        #expect(!connection.channel.isActive)
        connection = try Connection(peer: Self.root, messages: 3)
      case .failure, .end: #expect(connection.channel.isActive)
      case .data, nil: Issue.record("no end for \(line)")
      }
    }
  }

  private final class Connection {
    let gateway: FakeGateway
    let loop = EmbeddedEventLoop()
    let channel: EmbeddedChannel
    private let log = AuditLog()

    init(peer: PeerCredentials, isWelcome: Bool = true, messages: Int = 0) throws {
      gateway = FakeGateway(messages: messages)
      let service = AdminService(administration: gateway, now: { FakeGateway.now }, audit: log.record)
      channel = EmbeddedChannel(
        handler: AdminHandler(service: service, isWelcome: isWelcome) { $0.eventLoop.makeSucceededFuture(peer) },
        loop: loop)
      try channel.connect(to: SocketAddress(unixDomainSocketPath: "/admin")).wait()
    }

    var audited: [String] { log.lines }

    func send(_ line: String) throws { try channel.writeInbound(ByteBuffer(string: line + "\n")) }

    func line() throws -> [UInt8] {
      let buffer = try #require(try channel.readOutbound(as: ByteBuffer.self))
      return Array(buffer.readableBytesView.dropLast())
    }

    func reply() throws -> AdminReply { try ControlLine.decode(AdminReply.self, from: line()) }
  }
}

// MARK: The other side

/// A gateway that is nothing but its answers.
private final class FakeGateway: Administration {
  struct State {
    var views: [MessageView] = []
    var status = FakeGateway.status
    var problems: [String] = []
    var ambiguous: [String: [MessageID]] = [:]
    var flushed: [MessageID] = []
    var pages = 0
    var largestLimit = 0
    var holdsReloads = false
    var held: [@Sendable (ReloadReply) -> Void] = []
  }

  static let now: Int64 = 1_795_268_402_000
  static let status = StatusReply(
    health: .ok, version: "1.0.0", host: "gate", uptimeSeconds: 60,
    config: .init(path: "/etc/postern/postern.toml", loaded: Timestamp(milliseconds: now), generation: 1),
    queue: .init(queued: 0, sending: 0, deferred: 0, failed: 0, quarantined: 0, bytes: 0, oldestSeconds: nil),
    upstreams: [],
    incoming: .init(sessions: 0, listeners: []), spool: .init(freeBytes: 1), warnings: [])

  private let state: Mutex<State>

  /// Every second message is of user "nas"; the number of a message is its size.
  init(messages: Int) {
    var state = State()
    state.views = (0..<messages).map { number in
      MessageView(
        id: MessageID(number: UInt64(number + 1)), state: .deferred, sender: Address("a@example.com"),
        recipients: [RecipientView(address: Address("b@example.org")!, state: .deferred, attempts: 1)], size: number,
        received: Self.now - 60_000, attempts: 1, nextAttempt: Self.now + 60_000, expires: Self.now + 86_400_000,
        submitter: number.isMultiple(of: 2) ? "nas" : "192.168.1.20")
    }
    self.state = Mutex(state)
  }

  func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

  var views: [MessageView] { state.withLock { $0.views } }
  var flushed: [MessageID] { state.withLock { $0.flushed } }
  var pages: Int { state.withLock { $0.pages } }
  var largestLimit: Int { state.withLock { $0.largestLimit } }

  func status() -> StatusReply { state.withLock { $0.status } }

  func page(after: MessageID?, limit: Int) -> [MessageView] {
    state.withLock { state in
      state.pages += 1
      state.largestLimit = max(state.largestLimit, limit)
      // Numbers count from 1 in the order of the list.
      return Array(state.views.dropFirst(after.map { Int($0.number) } ?? 0).prefix(limit))
    }
  }

  func show(_ prefix: String) -> ShowResult {
    state.withLock { state in
      if let ids = state.ambiguous[prefix] { return .ambiguous(ids) }
      guard let view = state.views.first(where: { $0.id.description.hasPrefix(prefix) }) else { return .unknown }
      return .found(MessageReply(view, now: Self.now))
    }
  }

  func origin(of id: MessageID) -> Origin? {
    Origin(login: id.number.isMultiple(of: 2) ? nil : "nas", address: "192.168.1.20")
  }

  func flush(_ ids: [MessageID]) -> Int {
    state.withLock { $0.flushed += ids }
    return ids.count
  }

  func reload(completed: @escaping @Sendable (ReloadReply) -> Void) {
    let problems: [String]? = state.withLock { state in
      guard state.holdsReloads else { return state.problems }
      state.held.append(completed)
      return nil
    }
    if let problems { completed(ReloadReply(generation: 2, changed: ["upstream.gmail"], problems: problems)) }
  }

  func releaseReloads() {
    let held = state.withLock { state in
      defer { state.held = [] }
      return state.held
    }
    for completed in held { completed(ReloadReply(generation: 2, changed: [])) }
  }
}

private final class AuditLog: Sendable {
  private let entries = Mutex<[String]>([])

  var lines: [String] { entries.withLock { $0 } }

  @Sendable func record(uid: uid_t, pid: pid_t, command: String, result: String) {
    entries.withLock { $0.append("\(uid) \(pid) \(command) | \(result)") }
  }
}

/// A daemon's control socket in a directory of its own, for one test.
private final class Place {
  let gateway: FakeGateway
  let directory: String
  let listener: AdminListener
  private let root: String
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let log = AuditLog()

  init(messages: Int = 0) throws {
    var template = Array("/tmp/postern-admin-XXXXXX".utf8CString)
    root = String(cString: try #require(mkdtemp(&template)))
    directory = root + "/run"
    gateway = FakeGateway(messages: messages)
    listener = try Self.open(directory, group, gateway, log)
  }

  deinit {
    try? listener.stop().wait()
    try? group.syncShutdownGracefully()
    unlink(path)
    rmdir(directory)
    rmdir(root)
  }

  var path: String { directory + "/admin.sock" }
  var audited: [String] { log.lines }

  func open() throws -> AdminListener { try Self.open(directory, group, gateway, log) }

  func connect() throws(AdminError) -> ControlClient { try ControlClient(path: path, command: "test") }

  private static func open(
    _ directory: String, _ group: MultiThreadedEventLoopGroup, _ gateway: FakeGateway, _ log: AuditLog
  ) throws -> AdminListener {
    try AdminListener.open(
      directory: directory, group: group, administration: gateway, now: { FakeGateway.now }, audit: log.record)
  }
}

/// A client that says what it likes.
private final class RawConnection {
  private let descriptor: Int32
  private var framer = LineFramer()

  init(_ path: String) throws {
    descriptor = UnixAddress.makeSocket()
    let descriptor = descriptor
    _ = try UnixAddress.call(path: path) { Glibc.connect(descriptor, $0, $1) }.get()
  }

  deinit { close(descriptor) }

  func send(_ octets: [UInt8]) throws {
    try #require(Glibc.send(descriptor, octets, octets.count, Int32(MSG_NOSIGNAL)) == octets.count)
  }

  /// Sends what fits without waiting; returns how much.
  func offer(_ octets: [UInt8]) -> Int {
    max(0, Glibc.send(descriptor, octets, octets.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)))
  }

  func finishWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  func line() throws -> [UInt8] { try #require(try nextLine()) }

  /// nil at the end.
  func nextLine() throws -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      if let line = try framer.next() { return line }
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count <= 0 { return nil }
      framer.append(buffer[..<count])
    }
  }

  /// True once the daemon has closed and nothing is left; a reset counts, it is how unread input ends.
  var isAtEnd: Bool {
    var octet: UInt8 = 0
    return !framer.hasRest && recv(descriptor, &octet, 1, 0) <= 0
  }
}

extension ControlClient {
  fileprivate mutating func ask(
    _ words: String, _ arguments: AdminRequest.Arguments = .init()
  ) throws(AdminError) -> (payloads: [AdminReply.Payload], exit: ExitCode) {
    let command = CommandTable.command(Command.Name(rawValue: words)!)
    var payloads: [AdminReply.Payload] = []
    let exit = try perform({ AdminRequest(id: $0, command: command, args: arguments) }) { payloads.append($0) }
    return (payloads, exit)
  }
}

extension [AdminReply.Payload] {
  fileprivate var messages: [MessageReply] {
    compactMap { if case .message(let message) = $0 { message } else { nil } }
  }
}
