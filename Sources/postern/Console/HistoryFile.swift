// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import Glibc

/// The history of the console on disk, for its owner's eyes: several consoles may add to it at once.
struct HistoryFile {
  let path: String
  private let directory: String

  private static let mode: mode_t = 0o600
  private static let directoryMode: mode_t = 0o700
  private static let octetsMax = 4 << 20

  /// nil if nothing says where it belongs (XDG Base Directory Specification).
  init?() {
    func absolute(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    guard let state = absolute("XDG_STATE_HOME") ?? absolute("HOME").map({ $0 + "/.local/state" }) else { return nil }
    directory = state + "/postern"
    path = directory + "/history"
  }

  /// Adds a line to what the file holds now, and returns all of it.
  func add(_ line: String) throws(AdminError) -> CommandHistory {
    try makeDirectory()
    let lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    try check("opening \(directory)", lock >= 0)
    defer { close(lock) }
    // Root with somebody else's HOME writes nothing into it: what lies there may be a trap.
    var facts = stat()
    guard fstat(lock, &facts) == 0, facts.st_uid == geteuid() else { throw failure("\(directory) is not ours") }
    while flock(lock, LOCK_EX) != 0 { try check("locking \(directory)", errno == EINTR) }
    var history = read()
    history.add(line)
    do {
      try FileReplacement(of: path, mode: Self.mode, followsLinks: false).commit(Array(history.text.utf8))
    } catch {
      throw failure("\(error)")
    }
    return history
  }

  /// Empty if there is none, or none that we may read.
  func read() -> CommandHistory {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW)
    guard descriptor >= 0 else { return CommandHistory() }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_uid == geteuid() else { return CommandHistory() }
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while octets.count < Self.octetsMax {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      octets += buffer[..<count]
    }
    return CommandHistory(text: String(decoding: octets, as: UTF8.self))
  }

  /// With what is missing above it; all of it is ours alone, as the specification wants it.
  private func makeDirectory() throws(AdminError) {
    var path = ""
    for name in directory.split(separator: "/") {
      path += "/" + name
      if mkdir(path, Self.directoryMode) != 0, errno != EEXIST { try check("making \(path)", false) }
    }
  }

  private func check(_ step: String, _ succeeded: Bool) throws(AdminError) {
    guard succeeded else { throw failure("\(step): \(SystemCallError(errno: errno))") }
  }

  private func failure(_ reason: String) -> AdminError {
    AdminError("console.history", "the history is not kept: \(reason)", exit: .ok)
  }
}
