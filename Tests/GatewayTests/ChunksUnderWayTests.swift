// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Glibc
import Logging
import NIOCore
import NIOEmbedded
import Queue
import SMTP
import TestKit
import Testing

@testable import Gateway

@Suite("A long message, of which several chunks are on their way to the disk")
struct ChunksUnderWayTests {
  private let loop = EmbeddedEventLoop()
  private let disk = SimulatedDisk(seed: 1)
  private let queue: MessageQueue
  private let sessions: SubmissionLoop
  private let channel: EmbeddedChannel
  private static let now = Instant(wall: 1_790_000_000_000, monotonic: 1_000)
  private static let envelope = "MAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\n"
  private static let header = "Subject: x\r\n\r\n"

  init() throws {
    queue = try MessageQueue.open(
      disk: disk, policy: QueuePolicy(), now: Self.now, salt: 1, host: "gateway", ready: {}
    ).queue
    sessions = SubmissionLoop(eventLoop: loop, log: EventLog(handler: SwiftLogNoOpLogHandler()))
    var configuration = Configuration(hostname: "gate.test", upstream: Configuration.Upstream(name: "office"))
    configuration.clients = [
      Configuration.Client(name: "lan", addresses: [Network("192.0.2.0/24")!], allow: [.noAuth, .plaintext])
    ]
    let settings = Settings.plain(configuration)
    let clock = Clock(now: { Self.now }, zoneOffset: { _ in 0 })
    channel = EmbeddedChannel(handlers: [], loop: loop)
    try channel.pipeline.syncOperations.addHandler(
      SubmissionHandler(
        SubmissionContext(
          settings: settings, listener: Configuration.Listener(name: "submission", port: 587, security: .starttls),
          address: IPAddress("192.0.2.7")!, queue: queue,
          logins: LoginChecker(settings: SettingsHolder(settings), clock: clock, threads: NoThreads()), loop: sessions,
          clock: clock, log: EventLog(handler: SwiftLogNoOpLogHandler()), left: {})))
    channel.connect(to: try SocketAddress(ipAddress: "192.0.2.7", port: 25), promise: nil)
    loop.run()
    try say("EHLO a\r\n")
    _ = heard()
  }

  /// Lines of 64 octets, which name the chunk and so differ from those of others.
  private static func text(_ kibibytes: Int, _ letter: Character) -> String {
    String(repeating: String(repeating: letter, count: 62) + "\r\n", count: kibibytes * 16)
  }

  private func say(_ text: String) throws {
    try channel.writeInbound(ByteBuffer(string: text))
    loop.run()
  }

  private func heard() -> String {
    var text = ""
    while let piece = try? channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: piece) }
    return text
  }

  private func store() {
    for _ in 0..<4 { queue.log.step() }
    loop.run()
  }

  /// The content of the next message in the queue, behind what we put in front.
  private func taken() throws -> String? {
    guard let lease = queue.lease(now: Self.now) else { return nil }
    var octets: [UInt8] = []
    for chunk in 0..<lease.content.chunkCount {
      octets += try queue.read(chunk, of: lease.content, mayBlock: true) ?? []
    }
    return String(decoding: octets.dropFirst(lease.content.prefixOctets), as: UTF8.self)
  }

  @Test("is read on without waiting for the disk, four chunks and what is read then", arguments: [false, true])
  func readsOn(isChunked: Bool) throws {
    let content = Self.header + "abcdefgh".map { Self.text(40, $0) }.joined()
    try say(Self.envelope + (isChunked ? "BDAT \(content.utf8.count) LAST\r\n" : "DATA\r\n"))
    let handler = try channel.pipeline.syncOperations.handler(type: SubmissionHandler.self)
    for (place, letter) in "abcdefgh".enumerated() {
      try say((place == 0 ? Self.header : "") + Self.text(40, letter))
      // 4 times 64 KiB are under way, and one chunk waits.
      #expect((handler.input.readableBytes > 0) == (place >= 6), "\(place)")
      #expect(handler.message.chunksUnderWay == [0, 1, 1, 2, 3, 3, 4, 4][place], "\(place)")
    }
    if !isChunked { try say(".\r\n") }
    for _ in 0..<3 { store() }
    #expect(heard().contains("queued as"))
    #expect(try taken() == content)
  }

  @Test("ends when the queue has answered for all of it")
  func endsBehindItsChunks() throws {
    let content = Self.header + Self.text(100, "a")
    try say(Self.envelope + "DATA\r\n" + content + ".\r\nQUIT\r\n")
    #expect(try taken() == nil)
    store()
    store()
    #expect(heard().contains("queued as"))
    #expect(try taken() == content)
  }

  @Test(
    "that the disk does not want is refused at its end, and the next one is another message",
    arguments: [SimulatedDisk.Operation.write, .sync])
  func refused(operation: SimulatedDisk.Operation) throws {
    try say(Self.envelope + "DATA\r\n" + Self.header + Self.text(70, "a"))
    store()
    try say(Self.text(150, "a"))
    disk.fail(operation, with: .error(EIO))
    store()
    try say(Self.text(300, "b"))
    store()
    try say(".\r\n")
    store()
    #expect(heard().hasSuffix("\(Reply.diskRefused)\r\n"))
    let content = Self.header + Self.text(150, "c")
    try say(Self.envelope + "DATA\r\n" + content + ".\r\n")
    store()
    store()
    #expect(heard().contains("queued as"))
    #expect(queue.readyCount(now: Self.now) == 1)
    #expect(try taken() == content)
  }

  @Test("is forgotten with RSET, and what comes of it later is not taken for the next one")
  func forgotten() throws {
    let content = Self.header + Self.text(100, "b")
    try say(Self.envelope + "BDAT 102400\r\n" + Self.text(100, "a") + "RSET\r\n" + Self.envelope)
    try say("BDAT \(content.utf8.count) LAST\r\n" + content)
    for _ in 0..<4 { store() }
    #expect(heard().contains("queued as"))
    #expect(queue.readyCount(now: Self.now) == 1)
    #expect(try taken() == content)
  }

  @Test("of which nobody can know whether it is stored ends its session, and stands in nobody's way")
  func undecided() throws {
    try say(Self.envelope + "DATA\r\n" + Self.header + Self.text(70, "a"))
    store()
    _ = heard()
    disk.fail(.sync, count: .max)
    try say(Self.text(70, "a") + ".\r\n")
    store()
    #expect(!channel.isActive)
    #expect(heard() == "")
    let left = sessions.sessionCount()
    loop.run()
    #expect(try left.wait() == 0)
  }

  @Test("of a client that leaves is no message, and its chunks stand in nobody's way")
  func left() throws {
    try say(Self.envelope + "DATA\r\n" + Self.header + Self.text(200, "a") + ".\r\n")
    channel.close(promise: nil)
    loop.run()
    for _ in 0..<3 { store() }
    #expect(try taken() == nil)
    #expect(queue.log.segments.count == 1)
  }
}

private struct NoThreads: WorkerThreads {
  func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
  }
}
