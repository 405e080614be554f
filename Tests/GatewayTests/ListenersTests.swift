// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Glibc
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Systemd
import Testing

@testable import Gateway

@Suite("Listeners")
struct ListenersTests {
  @Test("without a table in the file are the standard ones that were inherited, or both")
  func standard() {
    var configuration = Configuration(hostname: "gate.test", upstream: .init(name: "office"))
    func names(_ inherited: Set<String>) -> [String] {
      Listeners.listeners(of: configuration, inherited: inherited).map(\.name)
    }
    #expect(names([]) == ["submission", "submissions"])
    #expect(names(["submissions"]) == ["submissions"])
    #expect(names(["smtp"]) == ["submission", "submissions"])
    configuration.namesListeners = true
    #expect(names(["submissions"]) == ["submission", "submissions"])
  }

  /// What accepts is one loop and what serves another: a connection on its way between them is still a client.
  @Test("when they close, who was accepted is answered and who was not keeps waiting at the inherited socket")
  func closing() throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 4)
    defer { try? group.syncShutdownGracefully() }
    let (descriptor, address) = try listening()
    let log = EventLog(handler: SwiftLogNoOpLogHandler(), level: .critical)
    let sockets = InheritedSockets(adopting: [("submission", descriptor)])
    var configuration = Configuration(hostname: "gate.test", upstream: .init(name: "office"))
    configuration.listeners = [Configuration.Listener(name: "submission", port: 587)]
    configuration.namesListeners = true
    let listeners = Listeners(
      group: group, inherited: try Listeners.adopt(sockets, besides: [], log: log),
      admit: { _, _, _ in .refused(.tooManySessions) })
    for _ in 0..<20 {
      try listeners.open(configuration)
      let clients = Mutex<[Int32]>([])
      let isClosed = Atomic(false)
      let visitor = NIOThreadPool(numberOfThreads: 1)
      visitor.start()
      let visits = visitor.runIfActive(eventLoop: group.next()) {
        // No more than the backlog holds, or a connection would wait for the end of the test.
        for _ in 0..<200 where !isClosed.load(ordering: .acquiring) {
          let client = connect(to: address)
          clients.withLock { $0.append(client) }
        }
      }
      while clients.withLock({ $0.count }) < 30 { sched_yield() }
      listeners.close()
      isClosed.store(true, ordering: .releasing)
      try visits.wait()
      try visitor.syncShutdownGracefully()
      // Whoever waits is served by the next process, here by the same one.
      try listeners.open(configuration)
      for client in clients.withLock({ $0 }) {
        #expect(firstOctets(of: client).hasPrefix("421 "))
        close(client)
      }
      listeners.close()
    }
  }

  private func listening() throws -> (Int32, sockaddr_in) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    try #require(listen(descriptor, 256) == 0)
    var address = sockaddr_in()
    var octets = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &octets) }
    }
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return (descriptor, address)
  }
}

/// Waits until the connection stands in the backlog.
private func connect(to address: sockaddr_in) -> Int32 {
  let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  withUnsafePointer(to: address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      _ = Glibc.connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  return client
}

/// Waits for them; empty if the connection ends without any.
private func firstOctets(of client: Int32) -> String {
  var buffer = [UInt8](repeating: 0, count: 200)
  let count = recv(client, &buffer, buffer.count, 0)
  return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
}
