// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOPosix

/// Asks the system for the addresses of one destination, once, on a thread that may wait: a resolver takes as long as it
/// likes. Gives the addresses of each family in the system's order (RFC 6724).
final class SystemResolver: Resolver, Sendable {
  /// A name with hundreds of addresses is not worth hundreds of attempts.
  static let addressesMax = 8

  /// Waits for the answer as long as it takes; on a thread of its own.
  typealias Lookup = @Sendable (Destination) throws -> [SocketAddress]

  private let destination: Destination
  private let lookup: Lookup
  private let threads: NIOThreadPool
  private let four: EventLoopPromise<[SocketAddress]>
  private let six: EventLoopPromise<[SocketAddress]>

  init(
    _ destination: Destination, threads: NIOThreadPool, eventLoop: any EventLoop, lookup: @escaping Lookup
  ) {
    self.destination = destination
    self.lookup = lookup
    self.threads = threads
    four = eventLoop.makePromise()
    six = eventLoop.makePromise()
  }

  /// Asked first of the two; one question answers both.
  func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
    threads.submit { [self] state in
      guard case .active = state else { return fail(ChannelError.ioOnClosedChannel) }
      do {
        let (four, six) = Self.chosen(try lookup(destination))
        self.six.succeed(six)
        self.four.succeed(four)
      } catch {
        fail(error)
      }
    }
    return six.futureResult
  }

  func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { four.futureResult }

  /// getaddrinfo cannot be called back; nobody waits for it any more.
  func cancelQueries() {}

  private func fail(_ error: any Error) {
    six.fail(error)
    four.fail(error)
  }

  /// At most so many as are tried, of both families if there are both.
  static func chosen(_ addresses: [SocketAddress]) -> (four: [SocketAddress], six: [SocketAddress]) {
    let four = addresses.filter { $0.protocol == .inet }
    let six = addresses.filter { $0.protocol == .inet6 }
    let half = addressesMax / 2
    return (
      Array(four.prefix(addressesMax - min(six.count, half))), Array(six.prefix(addressesMax - min(four.count, half)))
    )
  }

  // MARK: on a thread that may wait

  /// Asks the system.
  static func lookUp(_ destination: Destination) throws -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_family = family(of: destination)
    var found: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(destination.host, String(destination.port), &hints, &found)
    guard code == 0 else { throw ResolverError(description: text(code)) }
    defer { freeaddrinfo(found) }
    return sequence(first: found, next: { $0?.pointee.ai_next }).compactMap { entry in
      guard let entry = entry?.pointee, let address = entry.ai_addr else { return nil }
      return socketAddress(address, family: entry.ai_family)
    }
  }

  /// An address that we bind to decides the family as well as the admin does.
  private static func family(of destination: Destination) -> Int32 {
    if let source = destination.source { return source.isIPv4 ? AF_INET : AF_INET6 }
    return switch destination.ipVersion {
    case .any: AF_UNSPEC
    case .four: AF_INET
    case .six: AF_INET6
    }
  }

  private static func socketAddress(_ address: UnsafeMutablePointer<sockaddr>, family: Int32) -> SocketAddress? {
    let raw = UnsafeRawPointer(address)
    return switch family {
    case AF_INET: SocketAddress(raw.loadUnaligned(as: sockaddr_in.self))
    case AF_INET6: SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self))
    default: nil
    }
  }

  private static func text(_ code: Int32) -> String {
    if code == EAI_SYSTEM { return String(cString: strerror(errno)) }
    return gai_strerror(code).map { String(cString: $0) } ?? "error \(code)"
  }
}

/// The name has no address, or nobody could say so.
struct ResolverError: Error, CustomStringConvertible {
  let description: String
}
