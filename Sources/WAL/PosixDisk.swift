// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CSupport
import Glibc

/// A spool directory on a real file system. The lock is flock(2) on the directory itself, so it goes with the process
/// however that ends, and cannot be stale; the file `pid` only serves the message to whoever comes second.
///
/// One that only reads changes nothing in the directory, whatever is asked of it, and never holds the lock: it would
/// keep the daemon from starting.
package final class PosixDisk: Disk {
  package let path: String
  private let directory: Int32
  private let isReadOnly: Bool

  /// Makes the directory if it is missing; its parent must exist.
  package init(path: String) throws(LogError) {
    self.path = path
    isReadOnly = false
    if mkdir(path, 0o700) == 0 {
      let parent = Glibc.open(path + "/..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      defer { if parent >= 0 { close(parent) } }
      guard parent >= 0, fsync(parent) == 0 else { throw LogError.last("sync the parent of", path) }
    } else if errno != EEXIST {
      throw LogError.last("create", path)
    }
    directory = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw LogError.last("open", path) }
  }

  /// The directory must exist.
  package init(reading path: String) throws(LogError) {
    self.path = path
    isReadOnly = true
    directory = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw LogError.last("open", path) }
  }

  deinit { close(directory) }

  /// One that only reads finds out whether another process has the directory, and lets go at once.
  package func lock() throws(LogError) {
    if isReadOnly {
      try takeLock(LOCK_SH)
      flock(directory, LOCK_UN)
    } else {
      try takeLock(LOCK_EX)
      writePid()
    }
  }

  private func takeLock(_ kind: Int32) throws(LogError) {
    guard flock(directory, kind | LOCK_NB) == 0 else {
      guard errno == EWOULDBLOCK else { throw LogError.last("lock", path) }
      let (pid, since) = holder()
      throw LogError.inUse(directory: path, pid: pid, since: since)
    }
  }

  /// Only the message to a second opener needs it: a full disk must not keep the queue from draining.
  private func writePid() {
    let file = openat(directory, Self.pidName, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { return }
    defer { close(file) }
    let text = "\(getpid())\n"
    _ = Glibc.write(file, text, text.utf8.count)
  }

  /// Who wrote `pid`, and when, as far as can be told.
  private func holder() -> (pid: String, since: String) {
    let unknown = (pid: "unknown", since: "unknown")
    let file = openat(directory, Self.pidName, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return unknown }
    defer { close(file) }
    var status = stat()
    var octets = [UInt8](repeating: 0, count: 20)
    guard fstat(file, &status) == 0 else { return unknown }
    let count = Glibc.read(file, &octets, octets.count)
    let digits = octets.prefix(max(0, count)).prefix { (0x30...0x39).contains($0) }
    guard !digits.isEmpty else { return unknown }
    var time = tm()
    var text = [CChar](repeating: 0, count: 32)
    gmtime_r(&status.st_mtim.tv_sec, &time)
    let length = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &time)
    let since = String(decoding: text.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return (String(decoding: digits, as: UTF8.self), since)
  }

  package func list() throws(LogError) -> [String] {
    // A second descriptor, because closedir takes its own with it and readdir moves a shared offset.
    let copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let stream = fdopendir(copy) else { throw LogError.last("list", path) }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        // readdir tells the end and an I/O error apart by errno alone.
        guard errno == 0 else { throw LogError.last("list", path) }
        return names
      }
      guard entry.pointee.d_type == UInt8(DT_REG) || entry.pointee.d_type == UInt8(DT_UNKNOWN) else { continue }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
  }

  package func create(_ name: String, octets: Int) throws(LogError) -> any DiskFile {
    try mayChange("create", name)
    let file = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw LogError.last("create", path + "/" + name) }
    let result = PosixFile(file, name: path + "/" + name, octets: octets)
    var code = csupport_allocate(file, off_t(octets))
    // Not every file system can reserve; a sparse file serves, only a full disk shows later.
    if code == EOPNOTSUPP || code == ENOSYS { code = ftruncate(file, off_t(octets)) == 0 ? 0 : errno }
    guard code == 0 else { throw LogError.disk(attempt: "allocate", name: path + "/" + name, code: code) }
    return result
  }

  package func open(_ name: String) throws(LogError) -> any DiskFile {
    let file = openat(directory, name, (isReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { throw LogError.last("open", path + "/" + name) }
    var status = stat()
    guard fstat(file, &status) == 0 else {
      let error = LogError.last("open", path + "/" + name)
      close(file)
      throw error
    }
    return PosixFile(file, name: path + "/" + name, octets: Int(status.st_size), isReadOnly: isReadOnly)
  }

  private func mayChange(_ attempt: String, _ name: String) throws(LogError) {
    guard isReadOnly else { return }
    throw LogError.disk(attempt: attempt, name: path + "/" + name, code: EROFS)
  }

  package func remove(_ name: String) throws(LogError) {
    try mayChange("remove", name)
    guard unlinkat(directory, name, 0) == 0 else { throw LogError.last("remove", path + "/" + name) }
  }

  package func rename(_ name: String, to newName: String) throws(LogError) {
    try mayChange("rename", name)
    let code = csupport_rename_new(directory, name, newName)
    guard code == 0 else { throw LogError.disk(attempt: "rename", name: path + "/" + name, code: code) }
  }

  package func syncDirectory() throws(LogError) {
    if isReadOnly { return }
    guard fsync(directory) == 0 else { throw LogError.last("sync", path) }
  }

  package func freeOctets() throws(LogError) -> Int64 {
    var status = statvfs()
    guard fstatvfs(directory, &status) == 0 else { throw LogError.last("measure", path) }
    return Int64(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }

  private static let pidName = "pid"
}

/// A segment on a real file system.
private final class PosixFile: DiskFile {
  private let file: Int32
  private let name: String
  private let isReadOnly: Bool
  let octets: Int

  init(_ file: Int32, name: String, octets: Int, isReadOnly: Bool = false) {
    self.isReadOnly = isReadOnly
    self.file = file
    self.name = name
    self.octets = octets
  }

  deinit { close(file) }

  func write(_ octets: UnsafeRawBufferPointer, at offset: Int) throws(LogError) -> Int {
    let count = pwrite(file, octets.baseAddress, octets.count, off_t(offset))
    guard count >= 0 else { throw LogError.last("write", name) }
    return count
  }

  func sync() throws(LogError) {
    // What only reads has nothing to make durable.
    if isReadOnly { return }
    guard fdatasync(file) == 0 else { throw LogError.last("sync", name) }
  }

  func forgetCached() {
    if isReadOnly { return }
    // What is still dirty is written first; what cannot be written is clean then, and goes.
    _ = fdatasync(file)
    _ = posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
  }

  func read(into octets: UnsafeMutableRawBufferPointer, at offset: Int, mayBlock: Bool) throws(LogError) -> Int? {
    let count =
      mayBlock
      ? pread(file, octets.baseAddress, octets.count, off_t(offset))
      : csupport_pread_nowait(file, octets.baseAddress, octets.count, off_t(offset))
    if count >= 0 { return count }
    // A file system that cannot answer without waiting is asked again by someone who may wait.
    if !mayBlock, errno == EAGAIN || errno == EOPNOTSUPP || errno == ENOSYS { return nil }
    throw LogError.last("read", name)
  }
}

extension LogError {
  static let ioError: Int32 = EIO

  var isInterruption: Bool {
    if case .disk(_, _, let code) = self { code == EINTR } else { false }
  }

  /// There is no such file.
  var isAbsence: Bool {
    if case .disk(_, _, let code) = self { code == ENOENT } else { false }
  }

  /// The name is taken.
  var isExistence: Bool {
    if case .disk(_, _, let code) = self { code == EEXIST } else { false }
  }

  /// The name stands for something that is no file.
  var isOtherEntry: Bool {
    if case .disk(_, _, let code) = self { [EISDIR, ELOOP, ENXIO, EACCES, EPERM].contains(code) } else { false }
  }

  static let overflow: Int32 = EOVERFLOW

  fileprivate static func last(_ attempt: String, _ name: String) -> LogError {
    .disk(attempt: attempt, name: name, code: errno)
  }
}
