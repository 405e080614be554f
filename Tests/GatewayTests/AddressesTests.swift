// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import NIOCore
import NIOPosix
import SMTP
import Testing

@testable import Gateway

@Suite("The addresses of an upstream")
struct AddressesTests {
  private func address(_ text: String) throws -> SocketAddress { try SocketAddress(ipAddress: text, port: 25) }

  @Test("are 8 at most, of both families if there are both, in the order in which they came")
  func chosen() throws {
    let four = try (1...20).map { try address("192.0.2.\($0)") }
    let six = try (1...20).map { try address("2001:db8::\($0)") }
    let both = SystemResolver.chosen(four + six)
    #expect(both.four == Array(four.prefix(4)) && both.six == Array(six.prefix(4)))
    let few = SystemResolver.chosen(four + six.prefix(1))
    #expect(few.four == Array(four.prefix(7)) && few.six == Array(six.prefix(1)))
    #expect(SystemResolver.chosen(four).four == Array(four.prefix(8)) && SystemResolver.chosen([]).four.isEmpty)
  }

  /// Answers as it is told.
  private final class ListedAddresses: Resolver, Sendable {
    let four: [SocketAddress]
    let six: [SocketAddress]
    let eventLoop: any EventLoop

    init(four: [SocketAddress], six: [SocketAddress], eventLoop: any EventLoop) {
      self.four = four
      self.six = six
      self.eventLoop = eventLoop
    }

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
      eventLoop.makeSucceededFuture(four)
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
      eventLoop.makeSucceededFuture(six)
    }

    func cancelQueries() {}
  }

  @Test("are tried one after the other until one answers; if none does, the upstream cannot be reached")
  func each() throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let server = try ServerBootstrap(group: loop).bind(host: "127.0.0.1", port: 0).wait()
    let closed = try ServerBootstrap(group: loop).bind(host: "127.0.0.1", port: 0).wait()
    let (open, refusing) = (try #require(server.localAddress), try #require(closed.localAddress))
    try closed.close().wait()
    defer { try? server.close().wait() }
    func connect(four: [SocketAddress], six: [SocketAddress]) throws -> any Channel {
      let connector = TCPConnector(connectSeconds: 5) { ListedAddresses(four: four, six: six, eventLoop: $1) }
      return try connector.connect(to: Destination(host: "relay.test", port: 25), on: loop) {
        $0.eventLoop.makeSucceededVoidFuture()
      }.wait()
    }
    let nowhere = try SocketAddress(ipAddress: "::1", port: refusing.port!)
    let channel = try connect(four: [refusing, open], six: [nowhere])
    #expect(channel.remoteAddress == open)
    try channel.close().wait()
    let error = #expect(throws: NIOConnectionError.self) { try connect(four: [refusing], six: [nowhere]) }
    #expect(error?.connectionErrors.count == 2)
  }

  @Test("of a name that nobody can resolve are none: it is the upstream's trouble, and says why")
  func unresolved() throws {
    var upstream = Configuration.Upstream(name: "office")
    upstream.host = "not a name of any host"
    let connector = TCPConnector(connectSeconds: 5, resolvers: NIOSingletons.posixBlockingThreadPool)
    let connected = connector.connect(to: Destination(upstream), on: MultiThreadedEventLoopGroup.singleton.next()) {
      $0.eventLoop.makeSucceededVoidFuture()
    }
    let error = #expect(throws: (any Error).self) { try connected.wait() }
    let trouble = UpstreamTrouble.cannotConnect(upstream, try #require(error))
    #expect(trouble.kind == .unreachable && trouble.stage == "connect")
    #expect(trouble.text.text.contains("not a name of any host") && trouble.text.text.contains("ame"), "\(trouble)")
  }
}
