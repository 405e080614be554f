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
