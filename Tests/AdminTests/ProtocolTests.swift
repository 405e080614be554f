// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite
struct ProtocolTests {
  static let message = MessageReply(
    id: "7KQ2M9XF4", state: "deferred", sender: "backup@example.com",
    recipients: [
      .init(
        number: 1, address: "ops@example.org", state: "deferred", attempts: 2, code: 421, status: "4.7.0",
        reply: "Try again later, closing connection")
    ],
    size: 4198, received: Timestamp("2026-11-21T13:40:02.113Z")!, ageSeconds: 1569,
    next: Timestamp("2026-11-21T14:06:30Z")!, expires: Timestamp("2026-11-26T13:40:02Z")!,
    client: .init(address: "192.168.1.20", name: "nas", user: "nas", listener: "submissions", tls: "TLSv1.3"))

  static let status = StatusReply(
    health: .degraded, version: "1.0.0", host: "gate", uptimeSeconds: 1_051_200,
    config: .init(
      path: "/etc/postern/postern.toml", loaded: Timestamp("2026-11-18T09:12:00Z")!, generation: 7),
    queue: .init(
      queued: 0, sending: 0, deferred: 2, held: 0, failed: 1, quarantined: 0, bytes: 1_261_000,
      oldestSeconds: 10_860),
    upstreams: [
      .init(
        name: "gmail", endpoint: "smtp.gmail.com:465", state: "paused", reason: "login",
        reply: "535 5.7.8 Username and Password not accepted", since: Timestamp("2026-11-21T14:02:11Z")!,
        nextProbe: Timestamp("2026-11-21T15:02:11Z")!)
    ],
    incoming: .init(sessions: 3, listeners: [.init(name: "submission", port: 587)]),
    spool: .init(freeBytes: 9_878_424_780),
    warnings: [.init(code: "client.plaintext", message: "1 client submits without TLS: printer", client: "printer")])

  static let client: ClientReply = {
    let time = Timestamp("2026-11-21T14:02:11Z")!
    var client = ClientReply(
      address: "192.168.1.40", state: .refused, firstSeen: time, lastSeen: time, listener: "submission")
    (client.name, client.tls, client.rate) = ("printer", "TLSv1", ClientReply.Rate(limit: "60/h", used: 3))
    (client.allowed, client.used) = (["tls1.0", "bare-lf"], ["tls1.0"])
    client.lastRefusal = ClientReply.Refusal(
      time: time, command: "MAIL", code: 530, status: "5.7.0", text: "530 5.7.0 Login needed")
    client.lastHandshake = ClientReply.Handshake(time: time, reason: "plaintext on a tls port")
    return client
  }()

  static let replies: [AdminReply] = [
    .data(id: 7, .message(message)), .data(id: 8, .status(status)),
    .data(
      id: 9, .change(.init(verb: "flush", matched: 3, done: 2, failed: 0, actor: .init(uid: 0), notes: ["paused"]))),
    .data(id: 10, .reload(.init(generation: 8, changed: ["upstream.gmail"]))),
    .data(id: 11, .client(client)),
    .end(id: 7, exit: .no),
    .failure(id: 7, .usage("no_selector", "flush needs a selector", context: ["a line"], hint: "postern help flush")),
    .failure(id: nil, AdminError("software.bug", "it broke", exit: .software)),
  ]

  @Test("a reply is one line and comes back as it was", arguments: replies)
  func roundTrip(reply: AdminReply) throws {
    let line = ControlLine.encode(reply)
    #expect(line.last == UInt8(ascii: "\n"))
    #expect(line.count(where: { $0 == UInt8(ascii: "\n") }) == 1)
    #expect(try ControlLine.decode(AdminReply.self, from: line.dropLast()) == reply)
  }

  @Test("the shapes that others may rely on")
  func shapes() {
    expect(
      .data(id: 7, .message(Self.message)),
      #"{"data":{"age_s":1569,"client":{"ip":"192.168.1.20","listener":"submissions","name":"nas","tls":"TLSv1.3","#
        + #""user":"nas"},"expires":"2026-11-26T13:40:02Z","from":"backup@example.com","id":"7KQ2M9XF4","#
        + #""next":"2026-11-21T14:06:30Z","received":"2026-11-21T13:40:02.113Z","recipients":[{"attempts":2,"code":421,"#
        + #""dsn":"4.7.0","n":1,"reply":"Try again later, closing connection","state":"deferred","#
        + #""to":"ops@example.org"}],"size":4198,"state":"deferred","type":"message","v":1},"id":7}"#)
    expect(
      .data(id: 8, .status(Self.status)),
      #"{"data":{"config":{"generation":7,"loaded":"2026-11-18T09:12:00Z","path":"/etc/postern/postern.toml"},"#
        + #""health":"degraded","host":"gate","in":{"listeners":[{"name":"submission","port":587}],"sessions":3},"#
        + #""pauses":[],"queue":{"bytes":1261000,"deferred":2,"failed":1,"held":0,"oldest_s":10860,"quarantined":0,"#
        + #""queued":0,"sending":0,"total":3},"#
        + #""spool":{"free_bytes":9878424780,"min_free_bytes":0,"state":"ok"},"type":"status","#
        + #""upstreams":[{"endpoint":"smtp.gmail.com:465","#
        + #""name":"gmail","next_probe":"2026-11-21T15:02:11Z","reason":"login","#
        + #""reply":"535 5.7.8 Username and Password not accepted","since":"2026-11-21T14:02:11Z","state":"paused"}],"#
        + #""uptime_s":1051200,"v":1,"version":"1.0.0","warnings":[{"client":"printer","code":"client.plaintext","#
        + #""message":"1 client submits without TLS: printer"}]},"id":8}"#)
    expect(
      .data(id: 9, .change(.init(verb: "flush", matched: 3, done: 2, failed: 0, actor: .init(uid: 1000)))),
      #"{"data":{"actor":{"uid":1000},"done":2,"failed":0,"matched":3,"type":"change","v":1,"verb":"flush"},"id":9}"#)
    expect(
      .data(id: 11, .client(Self.client)),
      #"{"data":{"accepted":0,"accepted_1h":0,"address":"192.168.1.40","cleartext_auth_attempts":0,"connections":0,"#
        + #""exceptions_allowed":["tls1.0","bare-lf"],"exceptions_used":["tls1.0"],"failed_handshakes":0,"#
        + #""failed_logins":0,"first_seen":"2026-11-21T14:02:11Z","#
        + #""last_handshake":{"reason":"plaintext on a tls port","time":"2026-11-21T14:02:11Z"},"#
        + #""last_refusal":{"code":530,"command":"MAIL","status":"5.7.0","text":"530 5.7.0 Login needed","#
        + #""time":"2026-11-21T14:02:11Z"},"last_seen":"2026-11-21T14:02:11Z","listener":"submission","#
        + #""name":"printer","rate":{"limit":"60/h","used":3},"refused":0,"sessions":0,"state":"refused","#
        + #""tls":"TLSv1","type":"client","v":1},"id":11}"#)
    expect(.end(id: 7, exit: .ok), #"{"end":true,"exit":0,"id":7}"#)
    expect(
      .failure(id: nil, .usage("no_selector", "flush needs a selector", hint: "postern help flush")),
      #"{"error":{"code":"usage.no_selector","exit":64,"hint":"postern help flush","#
        + #""message":"flush needs a selector"},"v":1}"#)
  }

  private func expect(_ reply: AdminReply, _ json: String, at location: SourceLocation = #_sourceLocation) {
    #expect(String(decoding: ControlLine.encode(reply), as: UTF8.self) == json + "\n", sourceLocation: location)
  }

  @Test("members, kinds of data and exit codes of a newer daemon do no harm")
  func newer() throws {
    let data = #"{"v":1,"id":1,"data":{"v":1,"type":"weather","sky":"blue"},"later":[1,{"a":null}]}"#
    #expect(try ControlLine.decode(AdminReply.self, from: Array(data.utf8)) == .data(id: 1, .unknown(type: "weather")))
    let change =
      #"{"id":2,"data":{"type":"change","verb":"flush","matched":1,"done":1,"failed":0,"actor":{"uid":0,"sudo_user":"alice"},"sky":"x"}}"#
    #expect(
      try ControlLine.decode(AdminReply.self, from: Array(change.utf8))
        == .data(id: 2, .change(.init(verb: "flush", matched: 1, done: 1, failed: 0, actor: .init(uid: 0)))))
    let end = #"{"id":3,"end":true,"exit":99}"#
    #expect(try ControlLine.decode(AdminReply.self, from: Array(end.utf8)) == .end(id: 3, exit: .software))
  }

  @Test(
    "requests are read with what they may leave out",
    arguments: [
      (#"{"v":1,"id":7,"cmd":"queue"}"#, "queue"),
      (#"{"v":1,"id":7,"cmd":"queue","args":{"select":"from:@example.com","later":1},"x":[]}"#, "queue"),
      (#"  {"v":1,"id":7,"cmd":"flush","args":{"all":true}} "#, "flush"),
    ])
  func requests(line: String, cmd: String) throws {
    let request = try ControlLine.decode(AdminRequest.self, from: Array(line.utf8))
    #expect(request.id == 7)
    #expect(try request.command().name.rawValue == cmd)
  }

  @Test("what the daemon cannot read it names, without repeating it")
  func unreadable() {
    let lines = [
      ("", "not JSON"), ("{", "not JSON"), ("\u{0}\u{1B}[2J", "not JSON"), ("[]", "not an object"),
      ("{}", "member 'v' is missing"), (#"{"v":1,"id":"x","cmd":"queue"}"#, "member 'id' has another type"),
      (#"{"v":1,"id":1,"cmd":"queue","args":{"select":7}}"#, "member 'args.select' has another type"),
      (String(repeating: "[", count: 60_000), "not JSON"),
    ]
    for (line, reason) in lines {
      let error = #expect(throws: AdminError.self) {
        try ControlLine.decode(AdminRequest.self, from: Array(line.utf8))
      }
      #expect(error?.message == "cannot read a line of \(line.utf8.count) octets as AdminRequest: \(reason)")
      #expect(error?.exit == .usage)
    }
  }

  @Test(
    "what the daemon does not do it refuses as the shell would",
    arguments: [
      (#"{"v":1,"id":1,"cmd":"flsh"}"#, "unknown command 'flsh'. Did you mean 'flush'?"),
      (#"{"v":1,"id":1,"cmd":"users.add"}"#, "unknown command 'users.add'. Did you mean 'users.list'?"),
      (#"{"v":2,"id":1,"cmd":"queue"}"#, "posternd speaks version 1 of the control protocol, not 2"),
      (#"{"v":1,"id":1,"cmd":"show"}"#, "usage: postern show ID"),
      (
        #"{"v":1,"id":1,"cmd":"flush","args":{"select":" "}}"#,
        "flush needs a selector (for example 'flush 7KQ2' or 'flush from:@example.net'), or --all"
      ),
    ])
  func refused(line: String, message: String) throws {
    let request = try ControlLine.decode(AdminRequest.self, from: Array(line.utf8))
    let error = #expect(throws: AdminError.self) { try request.command() }
    #expect(error?.message == message)
  }

  @Test("the largest recipients fit into a line, and the parts make the whole again")
  func largeMessage() throws {
    var large = Self.message
    // Quotes and backslashes are what JSON doubles.
    let address = String(repeating: #"""#, count: 496)
    let reply = String(repeating: #"\"#, count: 512)
    large.recipients = (1...1000).map {
      .init(number: $0, address: address, state: "deferred", attempts: 99, code: 421, status: "4.7.0", reply: reply)
    }
    var whole: MessageReply?
    for part in large.lines() {
      let line = ControlLine.encode(.data(id: .max, .message(part)))
      #expect(line.count <= ControlLine.octetsMax)
      guard case .data(_, .message(let read)) = try ControlLine.decode(AdminReply.self, from: line.dropLast()) else {
        Issue.record("not a message")
        return
      }
      if whole == nil { whole = read } else { whole?.append(read) }
    }
    #expect(whole == large)
  }

  @Test("an answer too large for a line becomes an error that says so")
  func tooLarge() throws {
    let changed = Array(repeating: "x", count: ControlLine.octetsMax)
    let line = ControlLine.encode(.data(id: 3, .reload(.init(generation: 1, changed: changed))))
    guard case .failure(3, let error) = try ControlLine.decode(AdminReply.self, from: line.dropLast()) else {
      Issue.record("no failure")
      return
    }
    #expect(error.code == "software.too_large")
  }
}

extension ControlLine {
  fileprivate static func decode<Value: Decodable>(_ type: Value.Type, from line: ArraySlice<UInt8>) throws -> Value {
    try decode(type, from: Array(line))
  }
}
