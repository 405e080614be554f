// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import Synchronization

/// One listening socket, bound by us or inherited, for as long as a listener needs it.
///
/// `Listeners` gives duplicates of the descriptor to the channels that accept on it. The socket outlives them: when a
/// channel is replaced, clients that come meanwhile wait in its backlog and none is refused.
final class ListeningSocket: Sendable {
  /// Clients that wait while we restart. The kernel takes no more than net.core.somaxconn.
  private static let backlog: Int32 = 1024

  /// nil when it is closed.
  private let descriptor: Mutex<Int32?>
  /// As bound, not as written in the configuration.
  let address: SocketAddress

  private init(_ descriptor: Int32, _ address: SocketAddress) {
    self.descriptor = Mutex(descriptor)
    self.address = address
  }

  /// Owns the descriptor from here on.
  static func adopt(_ descriptor: Int32) throws(ListenError) -> ListeningSocket {
    do {
      return ListeningSocket(descriptor, try name(of: descriptor))
    } catch {
      Glibc.close(descriptor)
      throw error
    }
  }

  /// The address is numeric. An IPv6 one takes no IPv4 clients, so that each family has its own socket.
  static func bind(_ address: String, port: Int) throws(ListenError) -> ListeningSocket {
    guard let socketAddress = try? SocketAddress(ipAddress: address, port: port) else {
      throw ListenError("\(address) is not an address")
    }
    let family = address.contains(":") ? AF_INET6 : AF_INET
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(family, type, 0)
    guard descriptor >= 0 else { throw ListenError(errno: errno, at: "socket") }
    // Closes the descriptor if it comes to nothing.
    let listening = ListeningSocket(descriptor, socketAddress)
    try enable(SO_REUSEADDR, SOL_SOCKET, on: descriptor)
    if family == AF_INET6 { try enable(IPV6_V6ONLY, Int32(IPPROTO_IPV6), on: descriptor) }
    let bound = socketAddress.withSockAddr { Glibc.bind(descriptor, $0, socklen_t($1)) }
    guard bound == 0 else { throw ListenError(errno: errno, at: "bind") }
    try listening.setBacklog()
    return listening
  }

  /// NIO listens once more on each socket that it is given, for 128 clients: to be called after that.
  func setBacklog() throws(ListenError) {
    guard descriptor.withLock({ listen($0 ?? -1, Self.backlog) }) == 0 else {
      throw ListenError(errno: errno, at: "listen")
    }
  }

  deinit { close() }

  /// Gives the port back, whoever still holds the socket.
  func close() {
    if let descriptor = descriptor.withLock({ $0.take() }) { Glibc.close(descriptor) }
  }

  /// The caller closes it.
  func duplicate() throws(ListenError) -> Int32 {
    let duplicate = descriptor.withLock { fcntl($0 ?? -1, F_DUPFD_CLOEXEC, 3) }
    guard duplicate >= 0 else { throw ListenError(errno: errno, at: "duplicate") }
    return duplicate
  }

  /// `127.0.0.1:587`, `[::]:587`.
  var text: String {
    let host = address.ipAddress ?? "?"
    return (host.contains(":") ? "[\(host)]" : host) + ":\(address.port ?? 0)"
  }

  private static func enable(_ option: Int32, _ level: Int32, on descriptor: Int32) throws(ListenError) {
    var one: Int32 = 1
    guard setsockopt(descriptor, level, option, &one, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
      throw ListenError(errno: errno, at: "setsockopt")
    }
  }

  /// Only addresses of IPv4 and IPv6: sessions know their clients by those.
  private static func name(of descriptor: Int32) throws(ListenError) -> SocketAddress {
    var storage = sockaddr_storage()
    var octets = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &octets) }
    }
    guard result == 0 else { throw ListenError(errno: errno, at: "getsockname") }
    let address = withUnsafePointer(to: &storage) { storage -> SocketAddress? in
      switch Int32(storage.pointee.ss_family) {
      case AF_INET: storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { SocketAddress($0.pointee) }
      case AF_INET6: storage.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { SocketAddress($0.pointee) }
      default: nil
      }
    }
    guard let address else { throw ListenError("the inherited socket is not one of IPv4 or IPv6") }
    return address
  }
}

/// Why a port cannot be listened on.
package struct ListenError: Error, Sendable, CustomStringConvertible {
  package let description: String
  /// Trying again without a change will meet it again: not a port that another program may give back.
  package let isLasting: Bool
  /// The system forbids us this port, or every port.
  let isForbidden: Bool

  init(_ description: String, isLasting: Bool = true, isForbidden: Bool = false) {
    self.description = description
    self.isLasting = isLasting
    self.isForbidden = isForbidden
  }

  fileprivate init(errno code: Int32, at step: String) {
    let isForbidden = code == EACCES || code == EPERM
    self.init("\(step): \(String(cString: strerror(code)))", isLasting: isForbidden, isForbidden: isForbidden)
  }
}
