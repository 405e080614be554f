// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import CSystemd
import Glibc

/// The listening sockets that systemd opened for us, by the names that their units give them
/// (sd_listen_fds_with_names(3)).
///
/// `posternd` takes them from its environment once, before it has a second thread; whoever listens asks for a name. The
/// descriptors stay open here for the life of the process, so a listener that is closed and made again meets every
/// client that came meanwhile. It opens and binds nothing itself.
package final class InheritedSockets: Sendable {
  private struct Socket: Sendable {
    let name: String
    let descriptor: Int32
  }

  private let sockets: [Socket]
  /// Names of descriptors that nobody can accept connections from: units with `Accept=yes` or `ListenDatagram=`.
  package let unusableNames: [String]

  /// Owns the descriptors from here on.
  package init(adopting descriptors: [(name: String, descriptor: Int32)]) {
    var sockets: [Socket] = []
    var unusable: [String] = []
    for (name, descriptor) in descriptors {
      if sd_is_socket(descriptor, AF_UNSPEC, Int32(SOCK_STREAM.rawValue), 1) > 0 {
        sockets.append(Socket(name: name, descriptor: descriptor))
      } else {
        close(descriptor)
        unusable.append(name)
      }
    }
    self.sockets = sockets
    unusableNames = unusable
  }

  /// What this process was given, if anything. The variables are removed, so no child takes the sockets for its own.
  package static func fromEnvironment() throws(SystemdError) -> InheritedSockets {
    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    let count = sd_listen_fds_with_names(1, &names)
    guard count >= 0 else { throw .socketsUnreadable(errno: -count) }
    defer {
      for index in 0..<Int(count) { free(names?[index]) }
      free(names)
    }
    let first = Int32(SD_LISTEN_FDS_START)
    return InheritedSockets(
      adopting: (0..<count).map { index in
        (names?[Int(index)].map { String(cString: $0) } ?? "", first + index)
      })
  }

  /// Each name once, in the order in which they came.
  package var names: [String] {
    var seen: Set<String> = []
    return sockets.map(\.name).filter { seen.insert($0).inserted }
  }

  /// Duplicates of every socket of this name, which the caller closes; as often as somebody asks. Empty if there is none.
  package func take(_ name: String) throws(SystemdError) -> [Int32] {
    var duplicates: [Int32] = []
    for socket in sockets where socket.name == name {
      let duplicate = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 3)
      guard duplicate >= 0 else {
        let code = errno
        for descriptor in duplicates { close(descriptor) }
        throw .socketUnusable(name, errno: code)
      }
      duplicates.append(duplicate)
    }
    return duplicates
  }

  deinit {
    for socket in sockets { close(socket.descriptor) }
  }
}
