// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Glibc
import NIOPosix
import Testing

@testable import Gateway

/// A daemon's control socket in a directory of its own, for one test.
final class Place {
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

  var path: String { path(.admin) }

  func path(_ level: Command.Level) -> String { "\(directory)/\(level.socketName)" }

  var audited: [String] { log.lines }
  var actions: [AdminAction] { log.actions }

  func open(inherited: [Command.Level: [Int32]] = [:]) throws -> AdminListener {
    try Self.open(directory, group, gateway, log, inherited)
  }

  func connect(_ level: Command.Level = .admin) throws(AdminError) -> ControlClient {
    try ControlClient(path: path(level), command: "test")
  }

  private static func open(
    _ directory: String, _ group: MultiThreadedEventLoopGroup, _ gateway: FakeGateway, _ log: AuditLog,
    _ inherited: [Command.Level: [Int32]] = [:]
  ) throws -> AdminListener {
    try AdminListener.open(
      directory: directory, inherited: inherited, group: group, administration: gateway, now: { FakeGateway.now },
      audit: log.record)
  }
}

/// A client that says what it likes.
final class RawConnection {
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

  /// Sends and waits until some of it is taken; nil once the other side has closed.
  func push(_ octets: [UInt8]) -> Int? {
    let count = Glibc.send(descriptor, octets, octets.count, Int32(MSG_NOSIGNAL))
    return count > 0 ? count : nil
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
  mutating func ask(
    _ words: String, _ arguments: AdminRequest.Arguments = .init()
  ) throws(AdminError) -> (payloads: [AdminReply.Payload], exit: ExitCode) {
    let command = CommandTable.command(Command.Name(rawValue: words)!)
    var payloads: [AdminReply.Payload] = []
    let exit = try perform({ AdminRequest(id: $0, command: command, args: arguments) }) { payloads.append($0) }
    return (payloads, exit)
  }
}

extension [AdminReply.Payload] {
  var messages: [MessageReply] {
    compactMap { if case .message(let message) = $0 { message } else { nil } }
  }
}
