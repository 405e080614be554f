// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Logging
import NIOCore
import NIOEmbedded
import Queue
import SMTP
import TLS
import TestKit
import Testing

@testable import Gateway

@Suite("Sessions while clients are paused by hand")
struct IntakePauseTests {
  private let loop = EmbeddedEventLoop()
  private let queue: MessageQueue
  private let sessions: SubmissionLoop
  private let paused = "421 4.3.2 Mail is paused by the admin, try again later\r\n"

  init() throws {
    queue = try MessageQueue.open(
      disk: SimulatedDisk(seed: 1), policy: QueuePolicy(), now: Self.now, salt: 1, host: "gateway", ready: {}
    ).queue
    sessions = SubmissionLoop(eventLoop: loop, log: EventLog(handler: SwiftLogNoOpLogHandler()))
  }

  @Test("open sessions end with 421, wherever they are in their dialogue")
  func open() throws {
    for lines in [
      [], ["EHLO a"], ["EHLO a", "MAIL FROM:<a@b.c>"], ["EHLO a", "MAIL FROM:<a@b.c>", "RCPT TO:<a@b.c>", "DATA", "x"],
    ] {
      let client = try connect()
      try client.say(lines)
      sessions.refuse(.paused)
      loop.run()
      #expect(client.heard().hasSuffix(paused))
      #expect(!client.channel.isActive)
      sessions.refuse(nil)
    }
    #expect(queue.summary(now: Self.now).messages == 0)
  }

  @Test("a message that is being made durable gets its reply before the session ends")
  func committing() throws {
    let client = try connect()
    try client.say(["EHLO a", "MAIL FROM:<a@b.c>", "RCPT TO:<a@b.c>", "DATA"])
    _ = client.heard()
    try client.say(["Subject: x", "", "x", "."])
    sessions.refuse(.paused)
    loop.run()
    #expect(client.heard() == "")
    #expect(client.channel.isActive)
    queue.log.step()
    loop.run()
    let heard = client.heard()
    #expect(heard.hasPrefix("250 2.0.0 OK queued as ") && heard.hasSuffix(paused))
    #expect(!client.channel.isActive)
    #expect(queue.summary(now: Self.now).messages == 1)
  }

  @Test("a session that was let in just before hears 421 in the place of a greeting; afterwards all is as it was")
  func late() throws {
    sessions.refuse(.paused)
    loop.run()
    #expect(sessions.refusal == .paused)
    let late = try connect()
    #expect(late.heard() == paused)
    #expect(!late.channel.isActive)

    sessions.refuse(nil)
    loop.run()
    #expect(sessions.refusal == nil)
    let client = try connect()
    #expect(client.heard().hasPrefix("220 "))
    #expect(client.channel.isActive)
    client.channel.close(promise: nil)
    loop.run()
  }

  @Test("whoever stops does not take clients back when the pause ends")
  func stopping() throws {
    sessions.refuse(.paused)
    let drained = sessions.drain()
    loop.run()
    try drained.wait()
    sessions.refuse(nil)
    loop.run()
    #expect(sessions.refusal == .restarting)
  }

  // MARK: a client

  private static let now = Instant(wall: 1_790_000_000_000, monotonic: 1_000)

  private struct Client {
    let channel: EmbeddedChannel

    func say(_ lines: [String]) throws {
      for line in lines {
        try channel.writeInbound(ByteBuffer(string: "\(line)\r\n"))
        channel.embeddedEventLoop.run()
      }
    }

    func heard() -> String {
      var text = ""
      while let piece = try? channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: piece) }
      return text
    }
  }

  private func connect() throws -> Client {
    var configuration = Configuration(hostname: "gate.test", upstream: Configuration.Upstream(name: "office"))
    configuration.clients = [
      Configuration.Client(name: "lan", addresses: [Network("192.0.2.0/24")!], allow: [.noAuth, .plaintext])
    ]
    let settings = Settings.plain(configuration)
    let clock = Clock(now: { Self.now }, zoneOffset: { _ in 0 })
    let context = SubmissionContext(
      settings: settings, listener: Configuration.Listener(name: "plain", port: 25, security: .some(.none)),
      address: IPAddress("192.0.2.7")!, queue: queue,
      logins: LoginChecker(settings: SettingsHolder(settings), clock: clock, threads: NoThreads()), loop: sessions,
      clock: clock, log: EventLog(handler: SwiftLogNoOpLogHandler()), left: {})
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
