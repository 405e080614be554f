// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Glibc
import NIOCore
import NIOEmbedded
import TestKit
import Testing

@testable import Gateway
@testable import Queue

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
    #expect(connection.audited == ["\(geteuid() + 1) 7 connect to admin.sock | refused"])
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
    connection.gateway.change { $0.holdsAnswers = true }
    try connection.send(#"{"v":1,"id":1,"cmd":"reload"}"#)
    try connection.channel.close().wait()
    connection.gateway.releaseAnswers()
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
        handler: AdminHandler(
          service: service, door: ControlDoor(level: .admin, group: nil), isWelcome: isWelcome, identify: { _ in peer }),
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
