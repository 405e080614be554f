// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import NIOCore
import NIOPosix
import SMTP
import Synchronization
import Testing

@testable import Gateway

@Suite("How an upstream is reached")
struct ConnectorTests {
  private let group = MultiThreadedEventLoopGroup.singleton
  private var resolvers: NIOThreadPool { .singleton }

  private func listener(_ host: String, port: Int = 0) throws -> any Channel {
    try ServerBootstrap(group: group).serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .bind(host: host, port: port).wait()
  }

  private func destination(
    _ host: String, _ port: Int, _ version: Configuration.Upstream.IPVersion = .any, from source: String? = nil
  ) -> Destination {
    var destination = Destination(host: host, port: port)
    destination.ipVersion = version
    destination.source = source.flatMap { IPAddress($0) }
    return destination
  }

  /// The addresses of both ends of the connection.
  private func connect(_ connector: TCPConnector, _ destination: Destination) throws -> (from: String?, to: String?) {
    let channel = try connector.connect(to: destination, on: group.next()) { $0.eventLoop.makeSucceededVoidFuture() }
      .wait()
    defer { channel.close(promise: nil) }
    return (channel.localAddress?.ipAddress, channel.remoteAddress?.ipAddress)
  }

  private func trouble(_ connector: TCPConnector, _ destination: Destination) -> UpstreamTrouble? {
    do {
      _ = try connect(connector, destination)
      return nil
    } catch {
      var upstream = Configuration.Upstream(name: "office")
      (upstream.host, upstream.port) = (destination.host, destination.port)
      return .cannotConnect(upstream, error)
    }
  }

  private func connector(
    seconds: Int = 10, _ addresses: @escaping @Sendable (Destination) throws -> [SocketAddress]
  ) -> TCPConnector {
    TCPConnector(connectSeconds: seconds, resolvers: resolvers, lookup: addresses)
  }

  // MARK: narrowing

  @Test("ip_version asks for the addresses of one family, and what has none of it is the upstream's trouble")
  func versions() throws {
    let four = try listener("127.0.0.1")
    defer { try? four.close().wait() }
    let port = try #require(four.localAddress?.port)
    let real = TCPConnector(connectSeconds: 10, resolvers: resolvers)
    #expect(try connect(real, destination("localhost", port, .four)).to == "127.0.0.1")
    #expect(trouble(real, destination("127.0.0.1", port, .six))?.text.text.contains("no address") == true)
    guard let six = try? listener("::1", port: port) else { return }
    defer { try? six.close().wait() }
    #expect(try connect(real, destination("::1", port, .six)).to == "::1")
    #expect(trouble(real, destination("::1", port, .four))?.kind == .unreachable)
  }

  @Test("source_address is where connections come from, and its family is theirs")
  func source() throws {
    let four = try listener("127.0.0.1")
    defer { try? four.close().wait() }
    let port = try #require(four.localAddress?.port)
    let real = TCPConnector(connectSeconds: 10, resolvers: resolvers)
    let ends = try connect(real, destination("localhost", port, from: "127.0.0.77"))
    #expect(ends.from == "127.0.0.77" && ends.to == "127.0.0.1")
    // An address of nobody here: the upstream is out of reach, and the text says what was tried.
    let strange = trouble(real, destination("127.0.0.1", port, from: "192.0.2.7"))
    #expect(strange?.kind == .unreachable && strange?.stage == "connect")
    #expect(trouble(real, destination("127.0.0.1", port, from: "::1"))?.text.text.contains("no address") == true)
  }

  @Test("what the file says of both is what connections are made with")
  func settings() throws {
    var upstream = Configuration.Upstream(name: "office")
    (upstream.host, upstream.port, upstream.ipVersion) = ("relay.test", 2525, .six)
    upstream.sourceAddress = IPAddress("2001:db8::9")
    let made = Destination(upstream)
    #expect(made == destination("relay.test", 2525, .six, from: "2001:db8::9"))
  }

  // MARK: several addresses

  private func addresses(_ four: Int, _ six: Int, port: Int = 25) throws -> [SocketAddress] {
    try (0..<four).map { try SocketAddress(ipAddress: "127.0.1.\($0 + 1)", port: port) }
      + (0..<six).map { try SocketAddress(ipAddress: "2001:db8::\($0 + 1)", port: port) }
  }

  @Test(
    "eight addresses are tried at most, the first of each family, and both families if there are both",
    arguments: [
      (0, 0, 0, 0), (1, 0, 1, 0), (12, 0, 8, 0), (0, 12, 0, 8), (12, 12, 4, 4), (12, 1, 7, 1), (2, 12, 2, 6),
      (3, 3, 3, 3),
    ])
  func eight(four: Int, six: Int, chosenFour: Int, chosenSix: Int) throws {
    let all = try addresses(four, six)
    let chosen = SystemResolver.chosen(all)
    #expect(chosen.four == Array(all.prefix(chosenFour)))
    #expect(chosen.six == Array(all.dropFirst(four).prefix(chosenSix)))
  }

  @Test("a name of many addresses where nobody listens costs eight attempts, and is the upstream's trouble")
  func manyRefused() throws {
    let gone = try listener("127.0.0.1")
    let port = try #require(gone.localAddress?.port)
    try gone.close().wait()
    let many = connector { _ in try addresses(12, 0, port: port) }
    #expect {
      try connect(many, destination("many.test", port))
    } throws: { error in
      (error as? NIOConnectionError)?.connectionErrors.count == 8
    }
    let trouble = trouble(many, destination("many.test", port))
    #expect(trouble?.kind == .unreachable && trouble?.stage == "connect")
    #expect(trouble?.text.text.hasPrefix("many.test port \(port): ") == true)
  }

  @Test("an address that does not answer does not hold up the one behind it")
  func race() throws {
    let silent = try SilentListener()
    defer { silent.close() }
    let living = try listener("127.0.1.2", port: silent.port)
    defer { try? living.close().wait() }
    let port = silent.port
    let connector = connector(seconds: 30) { _ in try addresses(2, 0, port: port) }
    let begin = ContinuousClock.now
    #expect(try connect(connector, destination("two.test", port)).to == "127.0.1.2")
    #expect(begin.duration(to: .now) < .seconds(20))
    // Alone it is out of reach when the time is over.
    let alone = self.connector(seconds: 1) { _ in try addresses(1, 0, port: port) }
    #expect(trouble(alone, destination("one.test", port))?.kind == .unreachable)
  }

  @Test("of a name with both families the one that answers is used, whichever that is")
  func families() throws {
    let living = try listener("127.0.1.1")
    defer { try? living.close().wait() }
    let port = try #require(living.localAddress?.port)
    let connector = connector { _ in try addresses(1, 2, port: port) }
    #expect(try connect(connector, destination("both.test", port)).to == "127.0.1.1")
  }

  // MARK: the resolver

  @Test("a name without an address is the upstream's trouble, in the resolver's words")
  func noAddress() {
    let failing = connector { _ in throw ResolverError(description: "Temporary failure in name resolution") }
    let trouble = trouble(failing, destination("gone.test", 25))
    #expect(
      trouble
        == UpstreamTrouble(
          .unreachable, at: "connect", "gone.test port 25: no address: Temporary failure in name resolution"))
    // The real one, with a name that is reserved for this (RFC 6761 section 6.4).
    let real = TCPConnector(connectSeconds: 2, resolvers: resolvers)
    #expect(self.trouble(real, destination("nothing.invalid", 25))?.kind == .unreachable)
    #expect(self.trouble(connector { _ in [] }, destination("empty.test", 25))?.kind == .unreachable)
  }

  @Test("a resolver that does not answer blocks no event loop and ends with the time for connecting")
  func silentResolver() throws {
    let threads = NIOThreadPool(numberOfThreads: 1)
    threads.start()
    let answer = DispatchSemaphore(value: 0)
    defer {
      answer.signal()
      try? threads.syncShutdownGracefully()
    }
    let connector = TCPConnector(connectSeconds: 1, resolvers: threads) { _ in
      answer.wait()
      return []
    }
    let loop = group.next()
    let attempt = connector.connect(to: destination("slow.test", 25), on: loop) {
      $0.eventLoop.makeSucceededVoidFuture()
    }
    // The loop goes on with other work while the resolver thinks.
    let isPending = Mutex(true)
    attempt.whenComplete { _ in isPending.withLock { $0 = false } }
    #expect(try loop.submit { isPending.withLock { $0 } }.wait())
    let result = Result { try attempt.wait() }
    guard case .failure(let error) = result else {
      Issue.record("connected to nobody")
      return
    }
    var upstream = Configuration.Upstream(name: "office")
    upstream.host = "slow.test"
    #expect(UpstreamTrouble.cannotConnect(upstream, error).kind == .unreachable)
  }
}

/// A port of 127.0.1.1 that answers no SYN: its queue is full.
private final class SilentListener {
  let port: Int
  private var descriptors: [Int32] = []

  init() throws {
    let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    descriptors = [listening]
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.1.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        guard bind(listening, pointer, length) == 0, listen(listening, 0) == 0 else { return false }
        return getsockname(listening, pointer, &length) == 0
      }
    }
    try #require(bound)
    port = Int(UInt16(bigEndian: address.sin_port))
    for _ in 0..<4 {
      let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
      descriptors.append(filler)
      withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = Glibc.connect(filler, $0, length) }
      }
    }
  }

  func close() {
    for descriptor in descriptors { Glibc.close(descriptor) }
    descriptors = []
  }
}
