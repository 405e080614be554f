// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// The file of a control socket: made with its final mode and group, taken over from a daemon that died, never from one
/// that lives; or inherited as it is. Who gets one owns the descriptor.
struct ControlSocket {
  let descriptor: Int32
  let path: String
  let door: ControlDoor
  /// A file of the service manager stays when we go.
  let isInherited: Bool

  private static let directoryMode: mode_t = 0o755
  private static let closedMode: mode_t = 0o600
  private static let groupMode: mode_t = 0o660

  /// Makes the socket of this level in `directory`. Its group is the level's where there is one and we may give it away;
  /// else it stays our own.
  static func bind(directory: String, level: Command.Level) throws(ControlSocketError) -> ControlSocket {
    try makeDirectory(directory)
    let path = "\(directory)/\(level.socketName)"
    try removeStale(path)
    let descriptor = UnixAddress.makeSocket(flags: Int32(SOCK_NONBLOCK.rawValue))
    guard descriptor >= 0 else { throw .failed("make a socket", path, SystemCallError(errno: errno)) }
    var isBound = false
    do throws(ControlSocketError) {
      // Linux gives the file the mode that the socket has when it is bound, so it is never open to others, not even for
      // the moment between bind and chmod.
      guard fchmod(descriptor, closedMode) == 0 else {
        throw .failed("set the mode of", path, SystemCallError(errno: errno))
      }
      if case .failure(let error) = UnixAddress.call(path: path, { Glibc.bind(descriptor, $0, $1) }) {
        throw .failed("bind", path, error)
      }
      isBound = true
      if let name = level.groupName {
        // Whose it is comes before who may.
        if let group = group(named: name) { _ = lchown(path, uid_t.max, group) }
        guard chmod(path, groupMode) == 0 else {
          throw .failed("set the mode of", path, SystemCallError(errno: errno))
        }
      }
    } catch {
      close(descriptor)
      if isBound { unlink(path) }
      throw error
    }
    let door = ControlDoor(level: level, group: group(of: path))
    return ControlSocket(descriptor: descriptor, path: path, door: door, isInherited: false)
  }

  /// One that the service manager has bound and opened to whom it likes.
  static func inherited(_ descriptor: Int32, level: Command.Level) -> ControlSocket {
    let path = UnixAddress.path(of: descriptor)
    let door = ControlDoor(level: level, group: path.flatMap(group(of:)))
    return ControlSocket(descriptor: descriptor, path: path ?? level.socketName, door: door, isInherited: true)
  }

  func remove() {
    if !isInherited { unlink(path) }
  }

  // MARK: Files

  private static func group(of path: String) -> gid_t? {
    var facts = stat()
    return lstat(path, &facts) == 0 ? facts.st_gid : nil
  }

  private static func group(named name: String) -> gid_t? {
    getgrnam(name)?.pointee.gr_gid
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
