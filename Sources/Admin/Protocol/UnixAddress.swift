// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The path of a Unix socket in the form of the system calls; client and listener both name the socket with it.
package enum UnixAddress {
  /// sun_path of unix(7), less its final NUL.
  package static let pathOctetsMax = 107

  /// Calls `body` with the address; ENAMETOOLONG if the path is no name of a socket.
  package static func call(
    path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Result<Int32, SystemCallError> {
    guard !path.isEmpty, path.utf8.count <= pathOctetsMax, !path.utf8.contains(0) else {
      return .failure(SystemCallError(errno: ENAMETOOLONG))
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
    return result < 0 ? .failure(SystemCallError(errno: errno)) : .success(result)
  }

  /// Where a bound socket stands in the file system; nil if it has no name there.
  package static func path(of descriptor: Int32) -> String? {
    var address = sockaddr_un()
    var size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
    }
    guard result == 0, address.sun_family == sa_family_t(AF_UNIX) else { return nil }
    let path = withUnsafeBytes(of: &address.sun_path) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return path.isEmpty ? nil : path
  }

  package static func makeSocket(flags: Int32 = 0) -> Int32 {
    socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | flags, 0)
  }
}

package struct SystemCallError: Error, Sendable, Equatable, CustomStringConvertible {
  package let errno: Int32

  package init(errno: Int32) { self.errno = errno }

  /// As everybody knows it: `connection refused`.
  package var description: String {
    let text = String(cString: strerror(errno))
    return text.prefix(1).lowercased() + text.dropFirst()
  }
}
