// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// The file of the control socket: made with its final mode, taken over from a daemon that died, never from one that
/// lives. Who calls `bind` owns the descriptor.
enum ControlSocket {
  private static let directoryMode: mode_t = 0o755
  private static let socketMode: mode_t = 0o600

  static func bind(directory: String, name: String) throws(ControlSocketError) -> (descriptor: Int32, path: String) {
    try makeDirectory(directory)
    let path = "\(directory)/\(name)"
    try removeStale(path)
    let descriptor = UnixAddress.makeSocket(flags: Int32(SOCK_NONBLOCK.rawValue))
    guard descriptor >= 0 else { throw .failed("make a socket", path, SystemCallError(errno: errno)) }
    do throws(ControlSocketError) {
      // Linux gives the file the mode that the socket has when it is bound, so it is never open to others, not even for
      // the moment between bind and chmod.
      guard fchmod(descriptor, socketMode) == 0 else {
        throw .failed("set the mode of", path, SystemCallError(errno: errno))
      }
      if case .failure(let error) = UnixAddress.call(path: path, { Glibc.bind(descriptor, $0, $1) }) {
        throw .failed("bind", path, error)
      }
    } catch {
      close(descriptor)
      throw error
    }
    return (descriptor, path)
  }

  /// One level; what is above it is the administrator's. The mode is set apart from umask.
  private static func makeDirectory(_ directory: String) throws(ControlSocketError) {
    if mkdir(directory, directoryMode) == 0 {
      guard chmod(directory, directoryMode) == 0 else {
        throw .failed("set the mode of", directory, SystemCallError(errno: errno))
      }
    } else if errno != EEXIST {
      throw .failed("make the directory", directory, SystemCallError(errno: errno))
    }
  }

  private static func removeStale(_ path: String) throws(ControlSocketError) {
    var facts = stat()
    guard lstat(path, &facts) == 0 else {
      if errno == ENOENT { return }
      throw .failed("look at", path, SystemCallError(errno: errno))
    }
    guard facts.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
    let probe = UnixAddress.makeSocket(flags: Int32(SOCK_NONBLOCK.rawValue))
    guard probe >= 0 else { throw .failed("make a socket for", path, SystemCallError(errno: errno)) }
    defer { close(probe) }
    switch UnixAddress.call(path: path, { connect(probe, $0, $1) }) {
    case .failure(let error) where error.errno == ECONNREFUSED:
      guard unlink(path) == 0 || errno == ENOENT else {
        throw .failed("remove the stale socket", path, SystemCallError(errno: errno))
      }
    case .failure(let error) where error.errno == ENOENT: return
    // A full backlog is somebody who listens.
    case .success: throw .inUse(path)
    case .failure(let error) where error.errno == EAGAIN: throw .inUse(path)
    case .failure(let error): throw .failed("probe", path, error)
    }
  }
}

/// Why there is no control socket; all of it is for the administrator to mend.
package enum ControlSocketError: Error, Sendable, Equatable, CustomStringConvertible {
  case inUse(String)
  case notASocket(String)
  case failed(_ step: String, String, SystemCallError)

  package var description: String {
    switch self {
    case .inUse(let path): "another posternd answers at \(path)"
    case .notASocket(let path): "\(path) is in the way: it is no socket"
    case .failed(let step, let path, let error): "cannot \(step) \(path): \(error)"
    }
  }
}
