// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Logging
import NIOCore
import NIOEmbedded
import Queue
import SMTP
import TestKit
import Testing

@testable import Gateway

@Suite("A client that takes its time, by a clock that is turned by hand")
struct SlowPeerTests {
  private let loop = EmbeddedEventLoop()
  private let queue: MessageQueue
  private let sessions: SubmissionLoop
  private let admission = Admission()

  init() throws {
    queue = try MessageQueue.open(
      disk: SimulatedDisk(seed: 1), policy: QueuePolicy(), now: Self.now, salt: 1, host: "gateway", ready: {}
    ).queue
    sessions = SubmissionLoop(eventLoop: loop, log: EventLog(handler: SwiftLogNoOpLogHandler()))
  }

  private static let tooSlow = "421 4.4.2 Too slow, closing\r\n"
  private static let envelope = "EHLO a\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\n"

  @Test("an octet each 30 s makes no line: five minutes behind the last one it is over")
  func command() throws {
    let client = try connect(needsLogin: false)
    try client.say("NOOP\r\n")
    #expect(try client.seconds(saying: "NOOP padding-padding-padding-padding", every: 30) == 300)
    #expect(client.heard().hasSuffix(Self.tooSlow))
  }

  @Test("whoever has to log in has a minute for all of it, however many lines that are")
  func login() throws {
    for (text, every) in [("EHLO a.example.org", 30), (String(repeating: "NOOP\r\n", count: 40), 1)] {
      let client = try connect(needsLogin: true)
      #expect(try client.seconds(saying: text, every: every) == 60)
      #expect(client.heard().hasSuffix(Self.tooSlow))
    }
  }

  @Test("a handshake has ten seconds, and nobody is told anything in the midst of it")
  func handshake() throws {
    let client = try connect(needsLogin: true, security: .implicit)
    #expect(try client.seconds(saying: "\u{16}\u{3}\u{1}\u{2}", every: 3) == 10)
    #expect(client.heard() == "")
  }

  @Test(
    "content may stand still for two minutes, or in chunks for five",
    arguments: [
      ("DATA\r\n", 120), ("BDAT 100000\r\n", 300), ("BDAT 600\r\n" + String(repeating: "x", count: 600), 300),
    ])
  func standingContent(begin: String, limit: Int) throws {
    let client = try connect(needsLogin: false)
    try client.say(Self.envelope + begin)
    #expect(try client.seconds(saying: "", every: 1) == limit)
    #expect(client.heard().hasSuffix(Self.tooSlow))
  }

  @Test(
    "content that comes at 90 octets a second ends, at 110 it does not", arguments: ["DATA\r\n", "BDAT 900000\r\n"])
  func rate(begin: String) throws {
    let piece = String(repeating: String(repeating: "y", count: 88) + "\r\n", count: 10)
    for (every, isKept) in [(10, false), (8, true)] {
      let client = try connect(needsLogin: false)
      try client.say(Self.envelope + begin)
      var seconds = 0
      while client.channel.isActive, seconds < 7_200 {
        try client.say(piece)
        loop.advanceTime(by: .seconds(Int64(every)))
        store()
        seconds += every
      }
      #expect(client.channel.isActive == isKept, "after \(seconds) s")
      if isKept { client.channel.close(promise: nil) } else { #expect((1_000..<4_000).contains(seconds), "\(seconds)") }
      loop.run()
    }
  }

  @Test("much that came at once does not pay for hours of silence")
  func credit() throws {
    let client = try connect(needsLogin: false)
    try client.say(Self.envelope + "DATA\r\n")
    for _ in 0..<8 {
      try client.say(String(repeating: String(repeating: "z", count: 62) + "\r\n", count: 1_000))
      store()
    }
    #expect(try client.seconds(saying: "", every: 1) == 120)
  }

  @Test("lines of chunks give no time: an octet a chunk is too slow")
  func tinyChunks() throws {
    let client = try connect(needsLogin: false)
    try client.say(Self.envelope)
    var seconds = 0
    while client.channel.isActive, seconds < 7_200 {
      try client.say("BDAT 1\r\nx")
      loop.advanceTime(by: .seconds(100))
      seconds += 100
    }
    #expect(seconds <= 400)
  }

  @Test("while the disk is slow nobody else is")
  func slowDisk() throws {
    let client = try connect(needsLogin: false)
    try client.say(Self.envelope + "DATA\r\n")
    try client.say(String(repeating: String(repeating: "z", count: 62) + "\r\n", count: 1_100))
    loop.advanceTime(by: .seconds(600))
    #expect(client.channel.isActive)
    store()
    try client.say(".\r\n")
    loop.advanceTime(by: .seconds(600))
    #expect(client.channel.isActive)
    store()
    #expect(client.heard().contains("250 2.0.0 OK queued as "))
    client.channel.close(promise: nil)
    loop.run()
  }

  @Test("whoever reads none of its replies is read no further, and goes after a minute")
  func unread() throws {
    let client = try connect(needsLogin: false)
    client.channel.isWritable = false
    client.channel.pipeline.fireChannelWritabilityChanged()
    let flood = String(repeating: "EHLO a\r\n", count: 900)
    try client.say(flood)
    let said = client.heard()
    #expect((1_000..<5_000).contains(said.utf8.count), "\(said.utf8.count)")
    #expect(try client.seconds(saying: "", every: 1) == 60)
    #expect(client.heard() == "")
  }

  @Test("whoever reads again gets the rest")
  func readAgain() throws {
    let client = try connect(needsLogin: false)
    client.channel.isWritable = false
    try client.say(String(repeating: "EHLO a\r\n", count: 900))
    let before = client.heard().count { $0 == "\r\n" }
    client.channel.isWritable = true
    client.channel.pipeline.fireChannelWritabilityChanged()
    loop.run()
    let after = client.heard().components("250 DSN")
    #expect(before > 0 && after > 800)
    client.channel.close(promise: nil)
    loop.run()
  }

  @Test("behind a message whose dot comes alone there is the time that there is for a command")
  func loneDot() throws {
    let client = try connect(needsLogin: false)
    try client.say(Self.envelope + "DATA\r\nSubject: x\r\n\r\ntext\r\n")
    try client.say(".\r\n")
    store()
    #expect(client.heard().contains("queued as"))
    #expect(try client.seconds(saying: "", every: 1) == 300)
  }

  @Test("whoever leaves an octet of all that is sent fills no buffer, of commands or of content")
  func leftovers() throws {
    let client = try connect(needsLogin: false)
    let handler = try client.channel.pipeline.syncOperations.handler(type: SubmissionHandler.self)
    try client.say(Self.envelope)
    for _ in 0..<50 { try client.say("\n" + String(repeating: "x", count: 1_000) + "\r") }
    #expect(handler.input.capacity <= 16_384)
    try client.say("\nDATA\r\n")
    for _ in 0..<500 { try client.say("\n" + String(repeating: "x", count: 1_000) + "\r") }
    #expect(handler.input.capacity <= 16_384 && client.channel.isActive)
  }

  @Test("as many messages arrive at once as memory has room for, and one more when one of them has come")
  func crowd() throws {
    let first = try connect(needsLogin: false)
    try first.say(Self.envelope + "DATA\r\n")
    for _ in 1..<Limits.arrivingMessagesMax { admission.messageArrives() }
    let second = try connect(needsLogin: false)
    try second.say(Self.envelope + "DATA\r\n")
    #expect(second.heard().hasSuffix("452 4.3.1 Too many messages are arriving, try again in a moment\r\n"))
    try second.say("BDAT 3\r\nabc")
    #expect(second.heard().hasPrefix("452 4.3.1 "))
    first.channel.close(promise: nil)
    loop.run()
    let third = try connect(needsLogin: false)
    try third.say(Self.envelope + "DATA\r\n")
    #expect(third.heard().hasSuffix("dot\r\n"))
    #expect(admission.intake.isCrowded)
    for client in [second, third] { client.channel.close(promise: nil) }
    loop.run()
    #expect(!admission.intake.isCrowded)
  }

  // MARK: a client

  private static let now = Instant(wall: 1_790_000_000_000, monotonic: 1_000)

  private func store() {
    queue.log.step()
    loop.run()
  }

  private struct Client {
    let channel: EmbeddedChannel

    func say(_ text: String) throws {
      try channel.writeInbound(ByteBuffer(string: text))
      channel.embeddedEventLoop.run()
    }

    func heard() -> String {
      var text = ""
      while let piece = try? channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: piece) }
      return text
    }

    /// Sends an octet each so many seconds; returns after how many seconds the connection was closed.
    func seconds(saying text: String, every: Int) throws -> Int {
      var octets = Array(text.utf8)[...]
      for second in 1...2_000 {
        if second.isMultiple(of: every), let octet = octets.popFirst() {
          try channel.writeInbound(ByteBuffer(bytes: [octet]))
        }
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        if !channel.isActive { return second }
      }
      return .max
    }
  }

  private func connect(
    needsLogin: Bool, security: Configuration.Security = .starttls
  ) throws -> Client {
    var configuration = Configuration(hostname: "gate.test", upstream: Configuration.Upstream(name: "office"))
    configuration.clients = [
      Configuration.Client(name: "lan", addresses: [Network("192.0.2.0/24")!], allow: [.noAuth, .plaintext])
    ]
    let settings = Settings.plain(configuration)
    let clock = Clock(now: { Self.now }, zoneOffset: { _ in 0 })
    let context = SubmissionContext(
      settings: settings, listener: Configuration.Listener(name: "submission", port: 587, security: security),
      address: IPAddress(needsLogin ? "198.51.100.7" : "192.0.2.7")!, queue: queue,
      logins: LoginChecker(settings: SettingsHolder(settings), clock: clock, threads: NoThreads()), loop: sessions,
      clock: clock, log: EventLog(handler: SwiftLogNoOpLogHandler()), admission: admission, left: {})
    let channel = EmbeddedChannel(handlers: [], loop: loop)
    try channel.pipeline.syncOperations.addHandler(SubmissionHandler(context))
    channel.connect(to: try SocketAddress(ipAddress: "192.0.2.7", port: 25), promise: nil)
    loop.run()
    return Client(channel: channel)
  }
}

private struct NoThreads: WorkerThreads {
  func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
  }
}

extension String {
  /// How often the text occurs.
  fileprivate func components(_ text: String) -> Int {
    var count = 0
    var rest = self[...]
    while let found = rest.firstRange(of: text) {
      count += 1
      rest = rest[found.upperBound...]
    }
    return count
  }
}
