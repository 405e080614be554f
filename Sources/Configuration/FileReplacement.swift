// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Replaces a file whole and durably, in two steps: an empty file beside it, with its owner and mode; then the octets,
/// rename, and sync of the directory. What is between the steps may fail without a trace, and a kill leaves no secret
/// behind.
package struct FileReplacement: ~Copyable {
  /// Which step failed, and its `errno`.
  package struct Failure: Error, CustomStringConvertible {
    package var step: String
    package var code: Int32

    package var description: String { "\(step): \(systemReason(code))" }
  }

  private let path: String
  private let temporary: [CChar]
  private let descriptor: CInt

  /// The daemon's group may read, nobody else.
  package static let modeDefault: mode_t = 0o640

  /// The new file has the old one's owner and group; where there was none, the directory's group, if we may.
  /// A symbolic link stays one: the file that it leads to is replaced; unless `followsLinks` is false, then the link is.
  package init(of path: String, mode: mode_t = Self.modeDefault, followsLinks: Bool = true) throws(Failure) {
    let path = followsLinks ? Self.target(of: path) : path
    self.path = path
    let directory = Self.directory(of: path)
    let name = path.split(separator: "/").last ?? ""
    var template = Array("\(directory)/.\(name).XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    temporary = template
    self.descriptor = descriptor
    try Self.check("creating a file in \(directory)", descriptor >= 0)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    try Self.own(descriptor, like: path, in: directory)
    try Self.check("setting its mode", fchmod(descriptor, mode) == 0)
  }

  deinit {
    guard descriptor >= 0 else { return }
    unlink(temporary)
    close(descriptor)
  }

  /// Both steps.
  package static func replace(_ path: String, with octets: [UInt8]) throws(Failure) {
    try FileReplacement(of: path).commit(octets)
  }

  package consuming func commit(_ octets: [UInt8]) throws(Failure) {
    try Self.write(octets, to: descriptor)
    try Self.check("syncing it", fsync(descriptor) == 0)
    try Self.check("renaming it", rename(temporary, path) == 0)
    try Self.sync(Self.directory(of: path))
  }

  package static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func target(of path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func own(_ descriptor: CInt, like path: String, in directory: String) throws(Failure) {
    var new = stat()
    try check("looking at it", fstat(descriptor, &new) == 0)
    var old = stat()
    if stat(path, &old) == 0 {
      if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid) {
        // A file that its reader can no longer read would be worse than none written.
        try check("keeping its owner and group", fchown(descriptor, old.st_uid, old.st_gid) == 0)
      }
    } else if stat(directory, &old) == 0 {
      _ = fchown(descriptor, new.st_uid, old.st_gid)
    }
  }

  private static func write(_ octets: [UInt8], to descriptor: CInt) throws(Failure) {
    var rest = octets[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress!, $0.count) }
      if count >= 0 { rest = rest.dropFirst(count) } else { try check("writing it", errno == EINTR) }
    }
  }

  package static func sync(_ directory: String) throws(Failure) {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    try check("opening its directory", descriptor >= 0)
    defer { close(descriptor) }
    try check("syncing its directory", fsync(descriptor) == 0)
  }

  private static func check(_ step: String, _ succeeded: Bool) throws(Failure) {
    guard succeeded else { throw Failure(step: step, code: errno) }
  }
}
